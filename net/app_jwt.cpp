#include "net/app_jwt.hpp"

#include "net/base64.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <openssl/err.h>
#include <openssl/evp.h>

#include <stdexcept>

namespace gitstar::net {

namespace {

std::string rs256(const config::rsa_key& key, const std::string& text) {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(),
                                                                  EVP_MD_CTX_free};
  auto bytes = reinterpret_cast<const unsigned char*>(text.data());
  size_t size = 0;
  std::string signature;
  auto good = context &&
              EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
              EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size()) == 1;
  signature.resize(size);
  good = good && EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()),
                                &size, bytes, text.size()) == 1;
  ERR_clear_error(); // a TLS connection of this thread must not find our error
  if (!good)
    throw std::runtime_error{"OpenSSL cannot sign with the private key of a GitHub App"};
  signature.resize(size);
  return signature;
}

} // namespace

std::string app_jwt(const config::rsa_key& key, const std::string& app_id, timestamp issued_at) {
  auto seconds = [](timestamp time) { return time.time_since_epoch().count(); };
  boost::json::object header{{"alg", "RS256"}, {"typ", "JWT"}};
  boost::json::object claims{
      {"iat", seconds(issued_at)}, {"exp", seconds(issued_at + jwt_life)}, {"iss", app_id}};
  auto text =
      base64url(boost::json::serialize(header)) + '.' + base64url(boost::json::serialize(claims));
  return text + '.' + base64url(rs256(key, text));
}

} // namespace gitstar::net
