/* stats.c: counting. */
#include "core/board/stats.h"

#include "core/request.h"

void stats_histogram_add(struct stats_histogram *h, int64_t ms)
{
    uint64_t value = ms > 0 ? (uint64_t)ms : 0;
    unsigned bucket = value <= 1 ? 0 : 64 - (unsigned)__builtin_clzll(value - 1);

    h->bucket[bucket < STATS_BUCKETS ? bucket : STATS_BUCKETS - 1]++;
    h->sum_ms += value;
}

void stats_request(struct process_stats *stats, const struct request *r, int64_t duration_ms)
{
    unsigned class = r->head_sent ? r->response.status / 100 : 0;

    stats->requests++;
    stats->h2_requests += r->is_h2;
    stats->responses[class < ARRAY_SIZE(stats->responses) ? class : 0]++;
    stats->bytes_received += r->bytes_received;
    stats->bytes_sent += r->bytes_sent;
    stats_histogram_add(&stats->duration, duration_ms);
}

double stats_quantile(const struct stats_histogram *h, double part)
{
    uint64_t total = 0;
    double wanted, below = 0;

    for (size_t i = 0; i < STATS_BUCKETS; i++)
        total += h->bucket[i];
    if (total == 0)
        return 0;
    wanted = (double)total * (part < 0 ? 0 : part > 1 ? 1 : part);
    for (size_t i = 0; i < STATS_BUCKETS - 1; i++) {
        double count = (double)h->bucket[i];
        double lower = i == 0 ? 0 : (double)(UINT64_C(1) << (i - 1));

        if (count > 0 && below + count >= wanted)
            return lower + ((double)(UINT64_C(1) << i) - lower) * (wanted - below) / count;
        below += count;
    }
    return (double)(UINT64_C(1) << (STATS_BUCKETS - 2));
}
