/* api_certificates.c: what is known of the certificates, for the API and the metrics. */
#include <inttypes.h>
#include <time.h>

#include "core/tls/tls_expiry.h"
#include "modules/api.h"

static void add_time(struct json *json, int64_t when_s)
{
    time_t when = (time_t)when_s;
    char text[40];
    struct tm tm;

    if (gmtime_r(&when, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0)
        json_str(json, "not_after", str_of(text));
    else
        json_null(json, "not_after");
}

static void add_certificate(struct json *json, const struct request *req, const struct tls_material *m)
{
    const struct tls_expiry *x = tls_expiry_of(req->worker->expiries, m->index);

    if (!x)
        return;
    json_object(json, NULL);
    json_array(json, "names");
    for (size_t i = 0; i < x->name_count; i++)
        json_str(json, NULL, x->names[i]);
    json_array_end(json);
    add_time(json, x->not_after_s);
    json_int(json, "days", tls_expiry_days(x, req->worker->loop->clock.wall_s));
    json_str(json, "file", m->parts[TLS_PART_CERT].path);
    json_object_end(json);
}

void api_certificates(struct json *json, const struct request *req)
{
    json_array(json, "certificates");
    for (size_t i = 0; i < req->config->tls_material_count; i++)
        add_certificate(json, req, req->config->tls_materials[i]);
    json_array_end(json);
}

void api_metrics_certificates(struct api_text *t, const struct request *req)
{
    static const char name[] = "weir_certificate_expiry_seconds";
    bool began = false;

    for (size_t i = 0; i < req->config->tls_material_count; i++) {
        const struct tls_expiry *x = tls_expiry_of(req->worker->expiries, i);

        if (!x)
            continue;
        if (!began)
            api_text_printf(t, "# HELP %s When the certificate ends, seconds since 1970.\n# TYPE %s gauge\n", name, name);
        began = true;
        api_text_printf(t, "%s{", name);
        api_text_label(t, "file", req->config->tls_materials[i]->parts[TLS_PART_CERT].path);
        api_text_printf(t, "} %" PRId64 "\n", x->not_after_s);
    }
}
