/*
 * An RTP relay in C whose every packet is counted: from one UDP port to one receiver, RTCP back the other way.
 *
 *   cargo build --release -p media-metrics-capi
 *   cc -O2 -Icapi/include examples/c/forwarder.c -Ltarget/release -lmedia_metrics -Wl,-rpath,$PWD/target/release -o target/c-forwarder
 *   ./target/c-forwarder 127.0.0.1 5004 127.0.0.1 6000 127.0.0.1:9464
 *
 * What to copy: the calls of mm_. Kept simple: one thread, one datagram at a time, one table of streams.
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "media_metrics.h"

#define MAX_STREAMS 64

/* A stream as it comes, and as it goes on. Both belong to this thread: no lock. */
struct flow {
    uint32_t ssrc;
    mm_stream *in;
    mm_sender *out;
};

static struct flow flows[MAX_STREAMS];
static size_t flow_count;
static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(2);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static struct sockaddr_in address_of(const char *host, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        fail(host, "not an IPv4 address");
    return address;
}

/* The stream of a packet: made with its first one. NULL if there is no room; media goes on all the same. */
static struct flow *flow_of(const mm_registry *registry, uint32_t ssrc, unsigned payload_type)
{
    for (size_t i = 0; i < flow_count; i++)
        if (flows[i].ssrc == ssrc)
            return &flows[i];
    if (flow_count == MAX_STREAMS)
        return NULL;
    /* This relay knows two formats; yours has them from SDP. */
    const char *kind = payload_type == 111 ? "audio" : "video";
    uint32_t clock_rate = payload_type == 111 ? 48000 : 90000;
    struct flow flow = {
        .ssrc = ssrc,
        .in = mm_stream_new(registry, "incoming", kind, ssrc, clock_rate),
        .out = mm_sender_new(registry, "outgoing", kind, ssrc, clock_rate),
    };
    if (!flow.in || !flow.out)
        fprintf(stderr, "a stream is not measured: %s\n", mm_last_error()); /* NULL may be recorded to */
    flows[flow_count] = flow;
    return &flows[flow_count++];
}

/* RTCP on the same port has packet types of 192 to 223 (RFC 5761). */
static int is_rtcp(const uint8_t *datagram, size_t len)
{
    return len >= 2 && datagram[1] >= 192 && datagram[1] <= 223;
}

int main(int argc, char **argv)
{
    if (argc != 6)
        fail(argv[0], "LISTEN_HOST LISTEN_PORT TARGET_HOST TARGET_PORT METRICS_ADDRESS");
    if (mm_abi_version() != MM_ABI_VERSION)
        fail("media-metrics", "the library is not the header's");

    mm_registry *registry = mm_registry_new();
    mm_service *service = mm_serve(registry, argv[5], 1000);
    if (!service)
        fail("metrics", mm_last_error());
    /* Made once, kept: by name they are asked for here, and never when a packet comes. */
    mm_histogram *latency = mm_forward_latency_new(registry);
    mm_label reason = {"reason", "not_rtp"};
    mm_counter *dropped = mm_counter_new(registry, "relay_dropped_total", "Datagrams not forwarded.", &reason, 1);
    mm_gauge *streams = mm_gauge_new(registry, "relay_streams", "Streams seen.", NULL, 0);
    const double bounds[] = {100, 500, 1000, 1500};
    mm_histogram *sizes =
        mm_histogram_new(registry, "relay_datagram_bytes", "Sizes of datagrams.", NULL, 0, bounds, 4, 1);
    if (!latency || !dropped || !streams || !sizes)
        fail("metrics", mm_last_error());

    struct sockaddr_in listen = address_of(argv[1], argv[2]), target = address_of(argv[3], argv[4]);
    struct sockaddr_in publisher = {0}, from;
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    if (udp < 0 || bind(udp, (struct sockaddr *)&listen, sizeof listen) != 0)
        fail("media", "the port is taken");
    socklen_t size = sizeof listen;
    getsockname(udp, (struct sockaddr *)&listen, &size);
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    printf("media on port %u, metrics on port %u\n", ntohs(listen.sin_port), mm_service_port(service));
    fflush(stdout);

    uint8_t datagram[2048];
    while (!stopped) {
        struct pollfd ready = {.fd = udp, .events = POLLIN};
        if (poll(&ready, 1, 100) <= 0) /* a signal between two looks is seen at the next */
            continue;
        size = sizeof from;
        ssize_t got = recvfrom(udp, datagram, sizeof datagram, 0, (struct sockaddr *)&from, &size);
        uint64_t arrival = now_ns();
        if (got < 0)
            continue;
        size_t len = (size_t)got;
        mm_histogram_record(sizes, len);
        int is_back = from.sin_port == target.sin_port && from.sin_addr.s_addr == target.sin_addr.s_addr;
        struct sockaddr_in *to = is_back ? &publisher : &target;
        if (is_rtcp(datagram, len)) {
            /* Each stream takes what is about itself, and leaves the rest. */
            for (size_t i = 0; i < flow_count; i++) {
                if (is_back)
                    mm_sender_on_rtcp(flows[i].out, datagram, len, arrival);
                else
                    mm_stream_on_rtcp(flows[i].in, datagram, len, arrival);
            }
            sendto(udp, datagram, len, 0, (struct sockaddr *)to, sizeof *to);
        } else if (len < 12 || datagram[0] >> 6 != 2 || is_back) {
            mm_counter_add(dropped, 1);
        } else {
            uint32_t ssrc;
            memcpy(&ssrc, datagram + 8, sizeof ssrc);
            struct flow *flow = flow_of(registry, ntohl(ssrc), datagram[1] & 0x7f);
            publisher = from;
            mm_gauge_set(streams, (double)flow_count);
            if (flow)
                mm_stream_on_rtp(flow->in, datagram, len, arrival);
            if (sendto(udp, datagram, len, 0, (struct sockaddr *)to, sizeof *to) == got) {
                if (flow)
                    mm_sender_on_rtp(flow->out, datagram, len, now_ns());
                mm_histogram_record(latency, now_ns() - arrival);
            }
        }
    }

    /* Streams first: what they counted stays. Then the handles and the registry, in any order. */
    for (size_t i = 0; i < flow_count; i++) {
        mm_stream_free(flows[i].in);
        mm_sender_free(flows[i].out);
    }
    mm_service_stop(service, 1000);
    mm_histogram_free(sizes);
    mm_gauge_free(streams);
    mm_counter_free(dropped);
    mm_histogram_free(latency);
    mm_registry_free(registry);
    close(udp);
    printf("stopped\n");
    return 0;
}
