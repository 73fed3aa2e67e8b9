//! Prints the table of normalizers that `docs/normalizers.md` holds.

fn main() {
    print!("{}", twinbuild_rules::table());
}
