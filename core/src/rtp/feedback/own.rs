//! Loss as a report of our own puts it (RFC 3550 §6.4.1, A.3).
//!
//! Lives here: cutting 64-bit counts to the 8 and 24 bits of a report block. Not here: the counts
//! (`StreamStats::cumulative_lost`).

/// Cumulative loss for a report block: expected less received, cut at both ends of 24 signed bits.
/// The field takes its low 24 bits.
#[must_use]
pub(crate) const fn lost_24(expected: i64, received: i64) -> i32 {
    let lost = expected.saturating_sub(received);
    if lost > 0x7f_ffff {
        0x7f_ffff
    } else if lost < -0x80_0000 {
        -0x80_0000
    } else {
        lost as i32
    }
}

/// Share of packets lost in an interval, in 1/256, for a report block: 255 at most, 0 if there were more
/// duplicates than losses, or nothing was expected.
#[must_use]
pub(crate) const fn fraction_lost(expected: u64, received: u64) -> u8 {
    let lost = expected.saturating_sub(received);
    if lost == 0 {
        return 0; // also when nothing was expected
    }
    let parts = ((lost as u128) << 8) / expected as u128;
    if parts > 255 { 255 } else { parts as u8 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_cut_at_both_ends_and_nowhere_else() {
        for (expected, received, lost) in [
            (0x7f_ffff, 0, 0x7f_ffff),
            (0x80_0000, 0, 0x7f_ffff),
            (0, 0x80_0000, -0x80_0000),
            (0, 0x80_0001, -0x80_0000),
            (i64::MAX, i64::MIN, 0x7f_ffff),
            (i64::MIN, i64::MAX, -0x80_0000),
            (5, 5, 0),
            (10, 13, -3), // duplicates
        ] {
            assert_eq!(lost_24(expected, received), lost, "{expected} - {received}");
        }
    }

    #[test]
    fn a_share_is_cut_not_wrapped() {
        for (expected, received, parts) in [
            (0, 0, 0),
            (0, 5, 0),
            (1, 0, 255), // 256 would not fit
            (100, 75, 64),
            (100, 101, 0),
            (256, 1, 255),
            (256, 255, 1),
            (257, 256, 0),
            (u64::MAX, 0, 255),
            (u64::MAX, u64::MAX / 2, 128),
        ] {
            assert_eq!(
                fraction_lost(expected, received),
                parts,
                "{received} of {expected}"
            );
        }
    }
}
