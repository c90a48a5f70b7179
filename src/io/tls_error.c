/* tls_error.c: what went wrong, in plain words; see tls_session.h. */
#include "io/tls_session.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <string.h>

/* What OpenSSL names by its own terms, or by those of a protocol of 1996. */
static const struct words {
    int reason;
    const char *text;
} words[] = {
    {SSL_R_UNSUPPORTED_PROTOCOL, "no version of TLS in common"},
    {SSL_R_VERSION_TOO_LOW, "no version of TLS in common"},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "the other side wants another version of TLS (alert protocol_version)"},
    {SSL_R_NO_SHARED_CIPHER, "no cipher in common"},
    {SSL_R_NO_SHARED_GROUPS, "no key exchange group in common"},
    {SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, "no signature algorithm in common that a certificate here fits"},
    {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, "no signature algorithm in common that a certificate here fits"},
    {SSL_R_NO_APPLICATION_PROTOCOL, "no protocol in common (ALPN)"},
    {SSL_R_WRONG_VERSION_NUMBER, "what came is not TLS"},
    {SSL_R_HTTP_REQUEST, "what came is not TLS"},
    {SSL_R_HTTPS_PROXY_REQUEST, "what came is not TLS"},
    {SSL_R_UNKNOWN_PROTOCOL, "what came is not TLS"},
    {SSL_R_PACKET_LENGTH_TOO_LONG, "a record is too long"},
    {SSL_R_ENCRYPTED_LENGTH_TOO_LONG, "a record is too long"},
    {SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, "a record was changed on its way"},
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "no client certificate, which is required"},
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA, "the other side does not know who issued the certificate (alert unknown_ca)"},
    {SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "the other side refuses the certificate (alert bad_certificate)"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "the other side refuses the certificate (alert certificate_unknown)"},
    {SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE,
     "the other side refuses the certificate (alert unsupported_certificate)"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
     "the other side holds the certificate for expired (alert certificate_expired)"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED,
     "the other side holds the certificate for revoked (alert certificate_revoked)"},
    {SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, "the other side accepts nothing offered (alert handshake_failure)"},
    {SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL, "no protocol in common (alert no_application_protocol)"},
    {SSL_R_TLSV1_UNRECOGNIZED_NAME, "the other side does not know that name (alert unrecognized_name)"},
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, "the other side requires a certificate (alert certificate_required)"},
};

const char *tls_why(struct tls *t)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    long verdict = SSL_get_verify_result(t->ssl);

    t->alerted = ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) >= SSL_AD_REASON_OFFSET;
    if (verdict != X509_V_OK && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED)
        return X509_verify_cert_error_string(verdict);
    for (size_t i = 0; code && ERR_GET_LIB(code) == ERR_LIB_SSL && i < ARRAY_SIZE(words); i++) {
        if (words[i].reason == ERR_GET_REASON(code))
            return words[i].text;
    }
    if (t->error_number)
        return strerror(t->error_number);
    if (t->ended)
        return "the other side closed the connection";
    return reason ? reason : "TLS failed";
}
