#include "net/app_jwt.hpp"

#include "net/base64.hpp"
#include "tests/rsa_key.hpp"

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

#include <openssl/evp.h>

using namespace gitstar;
using namespace gitstar::net;
using namespace std::chrono_literals;

namespace {

std::string decoded(std::string text) {
  for (auto& c : text)
    c = c == '-' ? '+' : c == '_' ? '/' : c;
  auto padding = (4 - text.size() % 4) % 4;
  text.append(padding, '=');
  std::string result(text.size() / 4 * 3, '\0');
  EVP_DecodeBlock(reinterpret_cast<unsigned char*>(result.data()),
                  reinterpret_cast<const unsigned char*>(text.data()),
                  static_cast<int>(text.size()));
  result.resize(result.size() - padding);
  return result;
}

bool is_signed_by(EVP_PKEY* key, const std::string& text, const std::string& signature) {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(),
                                                                  EVP_MD_CTX_free};
  return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                          signature.size(), reinterpret_cast<const unsigned char*>(text.data()),
                          text.size()) == 1;
}

} // namespace

TEST_CASE("base64 is that of RFC 4648", "[app_jwt]") {
  CHECK(base64("") == "");
  CHECK(base64("f") == "Zg==");
  CHECK(base64("foobar") == "Zm9vYmFy");
  CHECK(base64("\xfb\xff") == "+/8=");
  CHECK(base64url("\xfb\xff") == "-_8");
  CHECK(base64url("foob") == "Zm9vYg");
}

TEST_CASE("a JWT names the App and is signed with its key", "[app_jwt]") {
  auto key = config::read_rsa_key(test::rsa_key_pem());
  auto token = app_jwt(key, "1234", timestamp{1'700'000'000s});
  auto first = token.find('.');
  auto second = token.rfind('.');
  REQUIRE(first < second);
  CHECK(boost::json::parse(decoded(token.substr(0, first))) ==
        boost::json::value{{"alg", "RS256"}, {"typ", "JWT"}});
  CHECK(boost::json::parse(decoded(token.substr(first + 1, second - first - 1))) ==
        boost::json::value{{"iat", 1'700'000'000}, {"exp", 1'700'000'540}, {"iss", "1234"}});
  CHECK(is_signed_by(test::rsa_key(), token.substr(0, second), decoded(token.substr(second + 1))));
  CHECK(token.find_first_of("+/=") == std::string::npos);
}
