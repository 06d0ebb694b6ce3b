#ifndef MEDIA_METRICS_H
#define MEDIA_METRICS_H

/* Made from capi/src by cbindgen, and compared by a test. Not edited by hand. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * media-metrics for C: metrics of media forwarders, every packet recorded.
 *
 * A registry knows what there is; a service merges it on an interval and serves it to Prometheus; counters, gauges,
 * histograms and streams record. `examples/c/forwarder.c` shows all of it.
 *
 * Errors. What makes something returns NULL, what does something returns false, and mm_last_error() says why, on the same
 * thread. Nothing here ends the process, and no call unwinds into C.
 *
 * Threads. A registry, service, counter, gauge or histogram may be used by any threads at the same time; recording takes no
 * lock, and threads that record into the same one do not slow one another. A stream or sender has one owner: calls about
 * one must not overlap. It may go from thread to thread, if the program sees to that (a queue or a mutex does).
 *
 * Ends. What a function ending in _new, or mm_serve, returned is given to its _free, or mm_service_stop, once; NULL may be
 * given to any of them. The order is free: a counter may outlive its registry. A stream's totals stay when it ends. The
 * library is not to be unloaded (dlclose) once it was used: its threads, and what it keeps for yours, would lose their code.
 *
 * Text is UTF-8 that ends in a zero byte, and is copied. Times are nanoseconds on one monotonic clock of yours.
 */


// Raised by 1 with each change that a program built with an older header would not survive.
#define MM_ABI_VERSION 1

// A total that only grows.
typedef struct mm_counter mm_counter;

// A value that goes up and down.
typedef struct mm_gauge mm_gauge;

// A distribution, each value kept to within 1 %.
typedef struct mm_histogram mm_histogram;

// Who exists: metrics and streams of one program, or of one part of it.
typedef struct mm_registry mm_registry;

// A sent RTP stream: one SSRC to one receiver.
typedef struct mm_sender mm_sender;

// A thread that merges a registry, and a server that shows it.
typedef struct mm_service mm_service;

// A received RTP stream: one SSRC of one source.
typedef struct mm_stream mm_stream;

// A name and a value, as in {name="value"}.
typedef struct {
  // Letters, digits and underscores.
  const char *name;
  // Any text.
  const char *value;
} mm_label;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Why the last call on this thread that failed did: a sentence; empty before the first. Never NULL; valid until the
// next call on this thread that fails.
const char *mm_last_error(void);

// The MM_ABI_VERSION that the library was built with. A program that was built with another should not go on.
uint32_t mm_abi_version(void);

// The library's version, for people: "0.1.0".
const char *mm_version(void);

// A new registry, empty; NULL if there is no memory.
mm_registry *mm_registry_new(void);

// Frees the registry. What was made with it goes on until it is freed itself.
void mm_registry_free(mm_registry *registry);

// Merges the registry each `interval_ms` milliseconds (1,000 is usual), and serves the result over HTTP: /metrics for
// Prometheus, /api/v1/snapshot, /api/v1/streams, /-/healthy, /-/ready. Each registry has one service at most.
//
// `address` is "HOST:PORT", or "unix:" and a path; port 0 is any free one: mm_service_port() tells which. NULL if the
// address is wrong or taken.
mm_service *mm_serve(const mm_registry *registry,
                     const char *address,
                     uint32_t interval_ms);

// The port that the service listens on; 0 for a Unix socket, and for NULL.
uint16_t mm_service_port(const mm_service *service);

// Merges now: what was recorded before is in the next answer. For tests; a merge comes each interval anyway.
bool mm_service_flush(const mm_service *service);

// Ends the service, and frees it: a last merge, and `deadline_ms` milliseconds at most for answers that are under way.
void mm_service_stop(mm_service *service,
                     uint32_t deadline_ms);

// The counter of this name and these labels (`labels` of them; NULL for none): the same one for the same. By convention
// its name ends in "_total". Make it once and keep it: this takes a lock. NULL if a name is bad, another kind's or taken
// with other label names, or the registry is full.
mm_counter *mm_counter_new(const mm_registry *registry,
                           const char *name,
                           const char *help,
                           const mm_label *label,
                           size_t labels);

// Adds `n`: some nanoseconds, no lock. False for NULL.
bool mm_counter_add(const mm_counter *counter, uint64_t n);

// Frees the handle; the total stays.
void mm_counter_free(mm_counter *counter);

// The gauge of this name and these labels, as mm_counter_new. Without a value until it is set or added to: not shown.
mm_gauge *mm_gauge_new(const mm_registry *registry,
                       const char *name,
                       const char *help,
                       const mm_label *label,
                       size_t labels);

// Sets the value. Some nanoseconds for each thread that ever recorded. False for NULL.
bool mm_gauge_set(const mm_gauge *gauge, double value);

// Adds `n`, which may be negative. False for NULL.
bool mm_gauge_add(const mm_gauge *gauge, double n);

// Frees the handle; the value stays.
void mm_gauge_free(mm_gauge *gauge);

// The histogram of this name and these labels, as mm_counter_new. `bound` are the upper bounds of its classic buckets
// (`bounds` of them, ascending, without infinity), in the unit that is shown; `per_unit` is how many recorded units make one
// of those: 1e9 for nanoseconds that are shown as seconds. Values are kept up to 2^40.
mm_histogram *mm_histogram_new(const mm_registry *registry,
                               const char *name,
                               const char *help,
                               const mm_label *label,
                               size_t labels,
                               const double *bound,
                               size_t bounds,
                               double per_unit);

// The histogram media_forward_latency_seconds, which dashboards and alerts ask for: nanoseconds from a packet's arrival
// to the end of its last send, once for each packet that is forwarded to anybody.
mm_histogram *mm_forward_latency_new(const mm_registry *registry);

// Records a value, in recorded units: some nanoseconds, no lock. False for NULL.
bool mm_histogram_record(const mm_histogram *histogram, uint64_t value);

// Frees the handle; what was recorded stays.
void mm_histogram_free(mm_histogram *histogram);

// A received stream, whose totals become part of those of its group: {direction="incoming",kind="audio"}, say. Groups are
// few, streams many: a group costs some thirty lines of a scrape, a stream none. `clock_rate` is RTP's, in Hz: 48,000 for
// Opus, 90,000 for video. NULL if a limit is met.
mm_stream *mm_stream_new(const mm_registry *registry,
                         const char *direction,
                         const char *kind,
                         uint32_t ssrc,
                         uint32_t clock_rate);

// Records a packet of this stream: a whole RTP packet, its header in the clear (SRTP's is), and when it came. Some
// nanoseconds, no lock. False if it is no RTP packet.
bool mm_stream_on_rtp(mm_stream *stream,
                      const uint8_t *packet,
                      size_t len,
                      uint64_t arrival_ns);

// Records what RTCP from this stream's sender says about it: sender reports. What is about others is left alone, so a
// compound may be handed to all streams of its source. False if it is no RTCP.
bool mm_stream_on_rtcp(mm_stream *stream,
                       const uint8_t *datagram,
                       size_t len,
                       uint64_t arrival_ns);

// Ends the stream; its totals stay in its group.
void mm_stream_free(mm_stream *stream);

// A sent stream, as mm_stream_new: {direction="outgoing",kind="audio"}.
mm_sender *mm_sender_new(const mm_registry *registry,
                         const char *direction,
                         const char *kind,
                         uint32_t ssrc,
                         uint32_t clock_rate);

// Records a packet that left, as mm_stream_on_rtp.
bool mm_sender_on_rtp(mm_sender *sender, const uint8_t *packet, size_t len, uint64_t departure_ns);

// Records what RTCP from the receiver says about this stream: reports (loss, jitter), extended reports, NACK, PLI, FIR,
// REMB, transport-wide feedback. What is about others is left alone, so a compound may be handed to all streams that its
// sender gets. False if it is no RTCP.
bool mm_sender_on_rtcp(mm_sender *sender,
                       const uint8_t *datagram,
                       size_t len,
                       uint64_t arrival_ns);

// Ends the stream; its totals stay in its group.
void mm_sender_free(mm_sender *sender);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* MEDIA_METRICS_H */
