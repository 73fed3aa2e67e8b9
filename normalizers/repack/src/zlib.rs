//! Raw deflate (RFC 1951) by stock zlib, which nearly all publishers' tools have: CPython's zipfile, and what is built on
//! it. The only unsafe code of the crate. It compresses; nothing is ever decoded here.

use std::ffi::{CStr, c_char, c_int};
use std::mem::MaybeUninit;

use libz_sys::{
    Z_DEFAULT_STRATEGY, Z_DEFLATED, Z_FINISH, Z_NO_FLUSH, Z_OK, Z_STREAM_END, deflate, deflateEnd, deflateInit2_,
    z_stream, zlibVersion,
};

/// A negative window makes a raw stream; 15 is the largest, and what every zip writer takes.
const WINDOW_BITS: c_int = -15;

/// One stream that is being compressed.
pub(crate) struct Deflate {
    /// Initialized by `deflateInit2_`. Boxed, as zlib keeps the address of the stream and refuses another.
    stream: Box<MaybeUninit<z_stream>>,
    has_ended: bool,
}

/// What one call did.
pub(crate) struct Step {
    /// Bytes taken from the input.
    pub(crate) consumed: usize,
    /// Bytes put into the output.
    pub(crate) produced: usize,
}

/// zlib refused; `code` is one of its `Z_..._ERROR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("zlib failed with code {code}")]
pub struct ZlibError {
    /// As zlib.h defines it.
    pub code: i32,
}

impl Deflate {
    /// A stream with the default strategy. `level` is 1 to 9, `mem_level` 1 to 9.
    pub(crate) fn new(level: u8, mem_level: u8) -> Result<Self, ZlibError> {
        let mut stream = Box::new(MaybeUninit::<z_stream>::zeroed());
        let size = c_int::try_from(size_of::<z_stream>()).unwrap_or(0);
        // SAFETY: `stream` is as large as `size` says, and all zero as zlib.h demands: null allocators make zlib set its
        // own ones, and until then no value of type `z_stream` exists. The version is zlib's own static string. On
        // failure zlib keeps nothing, and `Drop` does not run as no `Self` exists.
        let code = unsafe {
            deflateInit2_(
                stream.as_mut_ptr(),
                level.into(),
                Z_DEFLATED,
                WINDOW_BITS,
                mem_level.into(),
                Z_DEFAULT_STRATEGY,
                zlibVersion().cast::<c_char>(),
                size,
            )
        };
        if code == Z_OK { Ok(Self { stream, has_ended: false }) } else { Err(ZlibError { code }) }
    }

    /// Compresses a part of `input` into a part of `output`, which is not empty. With `is_last`, and called until it has
    /// ended, the stream is finished.
    pub(crate) fn step(&mut self, input: &[u8], output: &mut [u8], is_last: bool) -> Result<Step, ZlibError> {
        let available_in = u32::try_from(input.len()).unwrap_or(u32::MAX);
        let available_out = u32::try_from(output.len()).unwrap_or(u32::MAX);
        let flush = if is_last { Z_FINISH } else { Z_NO_FLUSH };
        let stream = self.stream.as_mut_ptr();
        // SAFETY: `new` initialized the stream, which `&mut self` lends to this call alone. Both pointers are valid for
        // the counts beside them during the call and are replaced by the next one; zlib does not write to its input.
        let (code, left_in, left_out) = unsafe {
            (*stream).next_in = input.as_ptr().cast_mut();
            (*stream).avail_in = available_in;
            (*stream).next_out = output.as_mut_ptr();
            (*stream).avail_out = available_out;
            let code = deflate(stream, flush);
            (code, (*stream).avail_in, (*stream).avail_out)
        };
        self.has_ended = code == Z_STREAM_END;
        if !matches!(code, Z_OK | Z_STREAM_END) {
            return Err(ZlibError { code });
        }
        let used = |available: u32, left: u32| usize::try_from(available.saturating_sub(left)).unwrap_or(0);
        Ok(Step { consumed: used(available_in, left_in), produced: used(available_out, left_out) })
    }

    /// Whether the last bytes of the stream were given out.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended
    }
}

impl Drop for Deflate {
    fn drop(&mut self) {
        // SAFETY: `new` initialized the stream, and this is the only place that ends it. The result tells only whether
        // output was left, which is lawful for a stream that is given up.
        unsafe {
            deflateEnd(self.stream.as_mut_ptr());
        }
    }
}

/// The version of zlib that is linked, as `1.3.2`: part of what makes the bytes, so a verdict names it.
#[must_use]
pub fn zlib_version() -> &'static str {
    // SAFETY: zlib returns a static string that ends in NUL.
    let version = unsafe { CStr::from_ptr(zlibVersion()) };
    version.to_str().unwrap_or("unknown")
}
