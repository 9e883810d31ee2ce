//! Words that are still being typed: which words of a collection begin like that.
//!
//! Owns which of them are taken; knows nothing of queries, and of a collection only its forms.
//! Invariant: what is taken does not depend on the order in which forms are offered.

/// Letters from which on a prefix is looked up where reading costs bytes.
pub const REMOTE_LETTERS: usize = 3;
/// The most forms that are taken there.
pub const REMOTE_FORMS: usize = 64;

/// What stands for the forms that begin with `prefix`, at most `most` of them, the most frequent first, equal ones bytewise.
/// `forms` gives each form once, with the number of documents that have it and what stands for it.
pub fn expand<'a, T>(
    prefix: &str,
    forms: impl Iterator<Item = (&'a str, u32, T)>,
    most: usize,
) -> Vec<T> {
    let mut found: Vec<_> = forms
        .filter(|(form, ..)| form.starts_with(prefix))
        .collect();
    found.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    found.truncate(most);
    found.into_iter().map(|(.., what)| what).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_forms_that_begin_so_are_taken() {
        let mut forms = [
            ("car", 2),
            ("care", 7),
            ("cart", 2),
            ("ca", 9),
            ("cärt", 9),
            ("scar", 9),
            ("careful", 2),
        ];
        for _ in 0..forms.len() {
            forms.rotate_left(1);
            let expand = |prefix, most| {
                expand(
                    prefix,
                    forms.iter().map(|(form, df)| (*form, *df, *form)),
                    most,
                )
            };
            assert_eq!(expand("car", 9), ["care", "car", "careful", "cart"]);
            assert_eq!(expand("car", 3), ["care", "car", "careful"]);
            assert_eq!(expand("carts", 3), [""; 0]);
            assert_eq!(expand("", 1), ["ca"]);
        }
    }
}
