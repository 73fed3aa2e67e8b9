//! Characters that change how the text around them is shown.

/// Whether a character of foreign text could steer a terminal, reorder the text around it, or not be seen at all: control
/// characters (line ends and tabs among them), the separators U+2028 and U+2029, annotations (U+FFF9 to U+FFFB), and all of
/// `Default_Ignorable_Code_Point` (Unicode 16, `DerivedCoreProperties.txt`), which holds the bidirectional controls.
#[must_use]
pub fn is_misleading(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reorders_or_hides_text_misleads() {
        for c in "\x1b\n\t\u{7f}\u{9b}\u{ad}\u{61c}\u{200b}\u{200f}\u{2028}\u{202e}\u{2066}\u{feff}\u{e0041}".chars() {
            assert!(is_misleading(c), "{c:?}");
        }
    }

    #[test]
    fn letters_of_any_script_do_not() {
        for c in "a ~\\é日א\u{301}😀".chars() {
            assert!(!is_misleading(c), "{c:?}");
        }
    }
}
