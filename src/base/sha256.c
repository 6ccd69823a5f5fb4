/* SHA-256 through OpenSSL's EVP. The only file that knows OpenSSL's digests. Any thread. */
#include "p2pdi/base/sha256.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct sha256_stream {
    EVP_MD_CTX *ctx;
};

static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;
static EVP_MD *algorithm; /* NULL if fetching failed; kept for the life of the process */

/* The defaults read openssl.cnf and enter every cipher and error text: 2 of a start's 8 ms. */
#define ONLY_WHAT_IS_NEEDED                                                                        \
    (OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS |                           \
     OPENSSL_INIT_NO_ADD_ALL_CIPHERS | OPENSSL_INIT_NO_ADD_ALL_DIGESTS)

static void fetch(void)
{
    (void)OPENSSL_init_crypto(ONLY_WHAT_IS_NEEDED, NULL);
    algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
}

static const EVP_MD *sha256_algorithm(void)
{
    pthread_once(&fetch_once, fetch);
    return algorithm;
}

enum di_err sha256_stream_new(struct sha256_stream **out)
{
    const EVP_MD *md = sha256_algorithm();
    struct sha256_stream *s = malloc(sizeof(*s));

    *out = NULL;
    if (s == NULL)
        return DI_NOMEM;
    s->ctx = EVP_MD_CTX_new();
    if (md == NULL || s->ctx == NULL || EVP_DigestInit_ex2(s->ctx, md, NULL) != 1) {
        sha256_stream_free(s);
        return DI_NOMEM;
    }
    *out = s;
    return DI_OK;
}

void sha256_stream_free(struct sha256_stream *s)
{
    if (s == NULL)
        return;
    EVP_MD_CTX_free(s->ctx);
    free(s);
}

enum di_err sha256_stream_update(struct sha256_stream *s, const void *data, size_t len)
{
    return EVP_DigestUpdate(s->ctx, data, len) == 1 ? DI_OK : DI_NOMEM;
}

enum di_err sha256_stream_finish(struct sha256_stream *s, struct sha256 *out)
{
    if (EVP_DigestFinal_ex(s->ctx, out->byte, NULL) != 1 ||
        EVP_DigestInit_ex2(s->ctx, sha256_algorithm(), NULL) != 1)
        return DI_NOMEM;
    return DI_OK;
}

enum di_err sha256_of(const void *data, size_t len, struct sha256 *out)
{
    const EVP_MD *md = sha256_algorithm();

    if (md == NULL || EVP_Digest(data, len, out->byte, NULL, md, NULL) != 1)
        return DI_NOMEM;
    return DI_OK;
}

bool sha256_equal(const struct sha256 *a, const struct sha256 *b)
{
    return CRYPTO_memcmp(a->byte, b->byte, sizeof(a->byte)) == 0;
}

void sha256_format(const struct sha256 *d, char out[SHA256_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < sizeof(d->byte); i++) {
        out[2 * i] = digits[d->byte[i] >> 4];
        out[2 * i + 1] = digits[d->byte[i] & 15];
    }
    out[SHA256_HEX_SIZE - 1] = '\0';
}

/* -1 if c is no hexadecimal digit. */
static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool sha256_parse(struct slice hex, struct sha256 *out)
{
    struct sha256 d;

    if (hex.n != 2 * sizeof(d.byte))
        return false;
    for (size_t i = 0; i < sizeof(d.byte); i++) {
        int high = digit_value(hex.p[2 * i]);
        int low = digit_value(hex.p[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        d.byte[i] = (uint8_t)(high << 4 | low);
    }
    *out = d;
    return true;
}
