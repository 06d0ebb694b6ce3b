//! Losses that were counted too early.
//!
//! Lives here: how many of a group's losses to count. Not here: which packets are lost (`fold`, `fold_senders`).

/// Losses counted that later turned out to be none. A counter can't go back: so they are taken off the next ones.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Debt(u64);

impl Debt {
    /// How many of `lost` to count, when `not_lost` of those counted before were none.
    pub(super) const fn pay(&mut self, lost: u64, not_lost: u64) -> u64 {
        self.0 += not_lost;
        let paid = if self.0 < lost { self.0 } else { lost };
        self.0 -= paid;
        lost - paid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_for_nothing_is_taken_off_the_next_losses() {
        let mut debt = Debt::default();
        assert_eq!(debt.pay(3, 0), 3);
        assert_eq!(debt.pay(0, 5), 0);
        assert_eq!(debt.pay(3, 0), 0);
        assert_eq!(debt.pay(4, 1), 1);
        assert_eq!(debt.pay(4, 0), 4);
    }
}
