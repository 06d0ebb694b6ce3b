//! Reading a protobuf page, as far as the answer is checked.

use prost::Message;

use crate::filled::{SAMPLES, Shape};

#[derive(Message)]
struct MetricFamily {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "4")]
    metric: Vec<Metric>,
}

#[derive(Message)]
struct Metric {
    #[prost(message, optional, tag = "3")]
    counter: Option<Counter>,
    #[prost(message, optional, tag = "7")]
    histogram: Option<Histogram>,
}

#[derive(Message)]
struct Counter {
    #[prost(double, tag = "1")]
    value: f64,
}

#[derive(Message)]
struct Histogram {
    #[prost(uint64, tag = "1")]
    sample_count: u64,
}

/// Whether `page` has every series: counters of the right sum, histograms with all their samples.
pub(crate) fn check(mut page: &[u8], shape: Shape) {
    let (mut counters, mut total, mut histograms, mut samples) = (0, 0.0, 0, 0);
    while !page.is_empty() {
        let family = MetricFamily::decode_length_delimited(&mut page).expect("a family");
        if !family.name.starts_with("bench_") {
            continue; // what ours says of itself
        }
        for metric in family.metric {
            if let Some(counter) = metric.counter {
                counters += 1;
                total += counter.value;
            }
            if let Some(histogram) = metric.histogram {
                histograms += 1;
                samples += histogram.sample_count;
            }
        }
    }
    assert_eq!(
        (counters, total as u64, histograms, samples),
        (
            shape.counters,
            shape.total(),
            shape.histograms,
            (shape.histograms * SAMPLES.len()) as u64
        ),
        "counters, their sum, histograms, their samples"
    );
}
