#include "config/rsa_key.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

namespace gitstar::config {

namespace {

/// Without it OpenSSL would ask for the passphrase on the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

} // namespace

rsa_key read_rsa_key(std::string pem) {
  for (auto at = pem.find("\\n"); at != std::string::npos; at = pem.find("\\n", at))
    pem.replace(at, 2, 1, '\n');
  std::unique_ptr<BIO, decltype(&BIO_free)> text{
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free};
  rsa_key key{PEM_read_bio_PrivateKey(text.get(), nullptr, no_passphrase, nullptr), EVP_PKEY_free};
  ERR_clear_error(); // a TLS connection of this thread must not find our error
  return key && EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_RSA ? key : nullptr;
}

} // namespace gitstar::config
