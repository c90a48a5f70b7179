/*
 * h1_frame.c: the framing rules.  Both directions read the same two facts, the one Content-Length
 * and the one Transfer-Encoding, and differ only in what an absence means and which status
 * refuses.
 */
#include "http/h1_frame.h"

/* What the fields say, before the direction is considered. */
struct frame_fields {
    bool has_length;
    bool chunked;
    uint64_t length;
};

static int frame_refuse(int status, const char *text, const char **reason)
{
    *reason = text;
    return status;
}

/* Exactly one value, exactly "chunked": any other wording is read differently somewhere. */
static int frame_coding(const struct message *message, const char **reason)
{
    struct str value = header_find(&message->headers, HEADER_TRANSFER_ENCODING)->value;
    bool word = value.len > 0;

    if (message->minor == 0)
        return frame_refuse(400, "Transfer-Encoding in HTTP/1.0", reason);
    if (header_count(&message->headers, HEADER_TRANSFER_ENCODING) > 1)
        return frame_refuse(400, "more than one Transfer-Encoding field", reason);
    if (str_ieq(value, STR("chunked")))
        return 0;
    for (size_t i = 0; i < value.len; i++) {
        char c = ascii_lower(value.s[i]);

        word = word && ((c >= 'a' && c <= 'z') || c == '-');
    }
    if (word)
        return frame_refuse(501, "unknown transfer coding", reason);
    return frame_refuse(400, "Transfer-Encoding is not exactly chunked", reason);
}

static int frame_read(const struct message *message, struct frame_fields *fields,
                      const char **reason)
{
    size_t lengths = header_count(&message->headers, HEADER_CONTENT_LENGTH);
    size_t codings = header_count(&message->headers, HEADER_TRANSFER_ENCODING);
    const struct header *length;

    *fields = (struct frame_fields){0};
    if (lengths && codings)
        return frame_refuse(400, "both Content-Length and Transfer-Encoding", reason);
    if (codings) {
        fields->chunked = true;
        return frame_coding(message, reason);
    }
    if (lengths > 1)
        return frame_refuse(400, "more than one Content-Length field", reason);
    if (lengths) {
        fields->has_length = true;
        length = header_find(&message->headers, HEADER_CONTENT_LENGTH);
        if (str_to_u64(length->value, INT64_MAX, &fields->length) != 0)
            return frame_refuse(400, "Content-Length is not a number up to 2^63-1", reason);
    }
    return 0;
}

/* RFC 9112 9.3: "close" wins; without a word, 1.1 stays open and 1.0 does not. */
static bool frame_keep_alive(const struct message *message)
{
    if (header_has_token(&message->headers, HEADER_CONNECTION, STR("close")))
        return false;
    return message->minor == 1 ||
           header_has_token(&message->headers, HEADER_CONNECTION, STR("keep-alive"));
}

/* The value of a field that must be there exactly once; empty otherwise. */
static struct str frame_single(const struct message *message, enum header_id id)
{
    if (header_count(&message->headers, id) != 1)
        return STR_NONE;
    return header_find(&message->headers, id)->value;
}

/* RFC 6455 4.2.1; what falls short of it is a plain request (RFC 9110 7.8). */
static bool frame_is_websocket(const struct message *message, const struct frame *frame)
{
    return message->minor == 1 && str_eq(message->method, STR("GET")) &&
           (frame->kind == FRAME_NONE || (frame->kind == FRAME_LENGTH && frame->length == 0)) &&
           header_has_token(&message->headers, HEADER_CONNECTION, STR("upgrade")) &&
           str_ieq(frame_single(message, HEADER_UPGRADE), STR("websocket")) &&
           str_eq(frame_single(message, HEADER_SEC_WEBSOCKET_VERSION), STR("13")) &&
           frame_single(message, HEADER_SEC_WEBSOCKET_KEY).len > 0;
}

int frame_request(const struct message *message, struct frame *frame, const char **reason)
{
    struct frame_fields fields;
    int status = frame_read(message, &fields, reason);

    if (status)
        return status;
    *frame = (struct frame){.keep_alive = frame_keep_alive(message)};
    if (fields.chunked)
        frame->kind = FRAME_CHUNKED;
    else if (fields.has_length)
        frame->kind = FRAME_LENGTH;
    frame->length = fields.length;
    frame->upgrade = frame_is_websocket(message, frame);
    return 0;
}

static int frame_interim(const struct message *message, const struct frame_fields *fields,
                         bool upgrading, struct frame *frame, const char **reason)
{
    if (fields->has_length || fields->chunked)
        return frame_refuse(502, "framing fields in an interim response", reason);
    if (message->status != 101) {
        frame->keep_alive = true;
        return 0;
    }
    if (!upgrading)
        return frame_refuse(502, "101 that was not asked for", reason);
    if (message->minor != 1 ||
        !header_has_token(&message->headers, HEADER_CONNECTION, STR("upgrade")) ||
        !str_ieq(frame_single(message, HEADER_UPGRADE), STR("websocket")))
        return frame_refuse(502, "101 that does not switch to websocket", reason);
    frame->kind = FRAME_TUNNEL;
    return 0;
}

int frame_response(const struct message *message, struct str method, bool upgrading,
                   struct frame *frame, const char **reason)
{
    struct frame_fields fields;

    *frame = (struct frame){.kind = FRAME_NONE};
    if (frame_read(message, &fields, reason) != 0)
        return 502;
    if (message->status < 200)
        return frame_interim(message, &fields, upgrading, frame, reason);
    frame->keep_alive = frame_keep_alive(message);
    if (message->status == 204) {
        /* A body announced here would be taken for the next response: do not read on. */
        if (fields.chunked || fields.length > 0)
            frame->keep_alive = false;
        return 0;
    }
    if (message->status == 304 || str_eq(method, STR("HEAD")))
        return 0;
    if (fields.chunked) {
        frame->kind = FRAME_CHUNKED;
    } else if (fields.has_length) {
        frame->kind = FRAME_LENGTH;
        frame->length = fields.length;
    } else {
        frame->kind = FRAME_UNTIL_CLOSE;
        frame->keep_alive = false;
    }
    return 0;
}
