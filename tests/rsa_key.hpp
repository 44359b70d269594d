/// A private key for tests, made anew in every run.
#pragma once

#include <memory>
#include <string>

#include <openssl/pem.h>
#include <openssl/rsa.h>

namespace gitstar::test {

/// How a PEM may hold a key.
enum class key_form { pkcs1, pkcs8, encrypted };

inline EVP_PKEY* rsa_key() {
  // The shortest that signs SHA-256 without being slow to make.
  static std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{EVP_RSA_gen(1024), EVP_PKEY_free};
  return key.get();
}

inline std::string rsa_key_pem(key_form form = key_form::pkcs1) {
  std::unique_ptr<BIO, decltype(&BIO_free)> out{BIO_new(BIO_s_mem()), BIO_free};
  auto cipher = form == key_form::encrypted ? EVP_aes_128_cbc() : nullptr;
  if (form == key_form::pkcs1)
    PEM_write_bio_PrivateKey_traditional(out.get(), rsa_key(), nullptr, nullptr, 0, nullptr,
                                         nullptr);
  else
    PEM_write_bio_PKCS8PrivateKey(out.get(), rsa_key(), cipher, "words", 5, nullptr, nullptr);
  char* text = nullptr;
  auto size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<size_t>(size)};
}

} // namespace gitstar::test
