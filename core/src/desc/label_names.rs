//! What the labels of a family are called.
//!
//! Lives here: names of a `static`, names made at run time, and those that series bring. Not here: values (`labels`), which
//! names are allowed (`checks`).

/// Label names: of a `static` family, or made at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelNames {
    /// Names known at compile time.
    Static(&'static [&'static str]),
    /// Names made at run time.
    Owned(Box<[Box<str>]>),
    /// The family has none of its own: each series brings names along with its values. See
    /// [`Desc::open_labels`](super::Desc::open_labels).
    Open,
}

impl LabelNames {
    /// Number of labels.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Static(names) => names.len(),
            Self::Owned(names) => names.len(),
            Self::Open => 0,
        }
    }

    /// Whether the family itself names no label: then it has at most one series, unless it is
    /// [`Open`](Self::Open).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Name number `i`, if there is one.
    #[must_use]
    pub fn get(&self, i: usize) -> Option<&str> {
        match self {
            Self::Static(names) => names.get(i).copied(),
            Self::Owned(names) => names.get(i).map(|n| &**n),
            Self::Open => None,
        }
    }

    /// The names, in the order in which values are given.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).filter_map(|i| self.get(i))
    }
}
