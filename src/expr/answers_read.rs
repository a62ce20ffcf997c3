//! Whose answers an expression looks at, so that the others are not parsed.

/// A set of targets, by their places in the route.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AnswersRead(u32);

/// Targets from here on share the last place: it is read when any of theirs is.
const SHARED_PLACE: usize = 31;

impl AnswersRead {
    pub const ALL: AnswersRead = AnswersRead(u32::MAX);

    pub fn one(position: usize) -> AnswersRead {
        AnswersRead(1 << position.min(SHARED_PLACE))
    }

    #[must_use]
    pub fn and(self, other: AnswersRead) -> AnswersRead {
        AnswersRead(self.0 | other.0)
    }

    pub fn contains(self, position: usize) -> bool {
        self.0 & AnswersRead::one(position).0 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_target_has_its_place_and_those_far_out_share_one() {
        let read = AnswersRead::one(0).and(AnswersRead::one(5));
        assert!(read.contains(0) && read.contains(5) && !read.contains(1) && !read.contains(100));
        assert!(AnswersRead::one(70).contains(100) && !AnswersRead::one(70).contains(30));
        assert!(AnswersRead::ALL.contains(7) && !AnswersRead::default().contains(7));
    }
}
