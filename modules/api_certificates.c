/* api_certificates.c: what is known of the certificates, for the API and the metrics. */
#include <inttypes.h>
#include <time.h>

#include "core/acme/acme.h"
#include "core/admin.h"
#include "core/tls/tls_expiry.h"
#include "modules/api.h"

static void add_time(struct json *json, const char *name, int64_t when_s)
{
    time_t when = (time_t)when_s;
    char text[40];
    struct tm tm;

    if (gmtime_r(&when, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0)
        json_str(json, name, str_of(text));
    else
        json_null(json, name);
}

/* Only the keeper knows. */
static const struct acme *acme_of(const struct request *req)
{
    struct admin *admin = req->worker->admin;

    return admin && admin->acme ? admin->acme(admin) : NULL;
}

static void add_acme(struct json *json, const struct request *req, const struct tls_material *m)
{
    static const char *const states[] = {"waiting", "asking", "failing"};
    struct acme_status status;

    if (!m->acme || !acme_status(acme_of(req), m->index, &status)) {
        json_null(json, "acme");
        return;
    }
    json_object(json, "acme");
    json_str(json, "state", str_of(states[status.state]));
    json_bool(json, "placeholder", m->made);
    json_uint(json, "failures", status.failures);
    json_str(json, "error", status.error[0] ? str_of(status.error) : STR_NONE);
    add_time(json, "next", status.next_s);
    json_object_end(json);
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
    add_time(json, "not_after", x->not_after_s);
    json_int(json, "days", tls_expiry_days(x, req->worker->loop->clock.wall_s));
    json_str(json, "file", m->parts[TLS_PART_CERT].path);
    add_acme(json, req, m);
    json_object_end(json);
}

void api_certificates(struct json *json, const struct request *req)
{
    json_array(json, "certificates");
    for (size_t i = 0; i < req->config->tls_material_count; i++)
        add_certificate(json, req, req->config->tls_materials[i]);
    json_array_end(json);
}

static void put_acme(struct api_text *t, const struct request *req)
{
    static const char name[] = "weir_acme_orders_total";
    struct acme_counts counts;

    if (!acme_of(req))
        return;
    counts = acme_counts(acme_of(req));
    api_text_printf(t,
                    "# HELP %s Certificates asked for of authorities since this keeper serves.\n# TYPE %s counter\n"
                    "%s{result=\"issued\"} %" PRIu64 "\n%s{result=\"failed\"} %" PRIu64 "\n",
                    name, name, name, counts.issued, name, counts.failed);
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
    put_acme(t, req);
}
