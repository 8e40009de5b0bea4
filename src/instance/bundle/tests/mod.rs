//! What a bundle may not do.

mod hostile;

use super::*;

#[test]
fn paths_that_lead_elsewhere_are_not_safe() {
    for path in ["data", "data/d/t1.ibd", "data/#innodb_redo/#ib_redo1", "data/..a"] {
        assert!(is_safe(Path::new(path)), "{path}");
    }
    for path in ["", "/", "/etc/passwd", "..", "data/../../x", "./data", "data//x", "data/./x", "a/", "a\0b"]
    {
        assert!(!is_safe(Path::new(path)), "{path:?}");
    }
    assert!(!is_safe(Path::new(&"a/".repeat(3000))));
}
