//! What hosts tell of scored streams, when they tell much.

use media_metrics_core::quality::{Rating, Reason};

use super::{merge, opus, receive, registry, stream};

#[test]
fn no_mute_is_forgotten_whatever_else_is_told() {
    let registry = registry();
    let mut stream = stream(&registry);
    let control = registry.judge(&stream, opus(), None).unwrap();
    receive(&mut stream, 0..10);
    merge(&registry);
    control.set_muted(true);
    (0..100).for_each(|i| control.expect_bitrate(i));
    assert_eq!(control.forgotten(), 37);
    merge(&registry); // silent
    assert_eq!(control.quality().unwrap().rating, Rating::Excellent);
    control.set_muted(false);
    (0..100).for_each(|i| control.expect_layer_distance(f64::from(i)));
    merge(&registry); // unmuted for all of the next one
    merge(&registry);
    assert_eq!(control.quality().unwrap().reason, Some(Reason::Dry));
}

#[test]
fn of_many_mutes_and_pauses_the_last_of_each_kind_counts() {
    let registry = registry();
    let stream = stream(&registry);
    let control = registry.judge(&stream, opus(), None).unwrap();
    control.set_layer_muted(true);
    for i in 0..100 {
        control.set_paused(i % 2 == 0);
        control.set_muted(i % 2 == 0);
    }
    merge(&registry);
    assert_eq!(control.quality().unwrap().rating, Rating::Excellent);
    control.set_paused(true);
    (0..101).for_each(|i| control.set_layer_muted(i % 2 == 1));
    merge(&registry);
    assert_eq!(control.quality().unwrap().reason, Some(Reason::Pause));
}
