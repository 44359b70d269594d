// The REST endpoints of GitHub Apps: a JWT buys a token of an installation (fact sheet, section 8).
#include "tools/sim/github.hpp"

#include <boost/json.hpp>

#include <openssl/evp.h>
#include <openssl/pem.h>

namespace gitstar::sim {

namespace {

namespace json = boost::json;

using bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using public_key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using digest = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

/// How far ahead of our clock a JWT may be issued, in seconds.
constexpr unix_seconds issue_tolerance = 60;
/// How long a JWT may live, in seconds.
constexpr unix_seconds longest_life = 600;

struct json_web_token {
  std::string_view signed_part;
  std::string signature;
  json::object header;
  json::object claims;
};

std::optional<json::object> decode_object(std::string_view base64url) {
  auto text = base64_decode(base64url);
  json::error_code error;
  auto parsed = text ? json::parse(*text, error) : json::value{};
  return error || !parsed.is_object() ? std::nullopt : std::optional{parsed.get_object()};
}

std::optional<json_web_token> decode(std::string_view text) {
  auto first = text.find('.');
  auto second = first == std::string_view::npos ? first : text.find('.', first + 1);
  if (second == std::string_view::npos)
    return std::nullopt;
  auto header = decode_object(text.substr(0, first));
  auto claims = decode_object(text.substr(first + 1, second - first - 1));
  auto signature = base64_decode(text.substr(second + 1));
  if (!header || !claims || !signature)
    return std::nullopt;
  return json_web_token{text.substr(0, second), *signature, *header, *claims};
}

bool is_signed(const json_web_token& token, const std::string& public_key_pem) {
  bio text{BIO_new_mem_buf(public_key_pem.data(), static_cast<int>(public_key_pem.size())),
           BIO_free};
  public_key key{PEM_read_bio_PUBKEY(text.get(), nullptr, nullptr, nullptr), EVP_PKEY_free};
  digest check{EVP_MD_CTX_new(), EVP_MD_CTX_free};
  return key && EVP_DigestVerifyInit(check.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
         EVP_DigestVerify(check.get(),
                          reinterpret_cast<const unsigned char*>(token.signature.data()),
                          token.signature.size(),
                          reinterpret_cast<const unsigned char*>(token.signed_part.data()),
                          token.signed_part.size()) == 1;
}

/// The claim as text: Apps write their id as a number or as a text.
std::string issuer_of(const json::object& claims) {
  auto found = claims.if_contains("iss");
  if (found == nullptr)
    return {};
  return found->is_string() ? json::value_to<std::string>(*found) : json::serialize(*found);
}

/// What GitHub dislikes about the times of a JWT; nothing where they are good.
std::optional<std::string> claim_problem(const json::object& claims, unix_seconds now) {
  auto number = [&](const char* name) -> std::optional<int64_t> {
    auto found = claims.if_contains(name);
    if (found == nullptr || !found->is_number())
      return std::nullopt;
    return found->is_double() ? static_cast<int64_t>(found->get_double())
                              : found->to_number<int64_t>();
  };
  auto expires = number("exp");
  if (!expires || *expires <= now)
    return "'Expiration time' claim ('exp') must be a numeric value representing the future time "
           "at which the assertion expires";
  if (*expires > now + longest_life)
    return "'Expiration time' claim ('exp') is too far in the future";
  auto issued = number("iat");
  if (!issued || claims.at("iat").is_double() || *issued > now + issue_tolerance)
    return "'Issued at' claim ('iat') must be an Integer representing the time that the assertion "
           "was issued";
  return std::nullopt;
}

} // namespace

void github::answer_app(const http_request& request, std::string_view path, http_answer& out) {
  auto refuse_jwt = [&](int status, std::string_view message) {
    stats_.unauthorized += status == 401 ? 1 : 0;
    answer_error(out, status, message);
  };
  auto bearer = lower_case(request.authorization.substr(0, 7)) == "bearer ";
  auto token = decode(bearer ? std::string_view{request.authorization}.substr(7) : "");
  auto app = token ? credentials_.find_app(issuer_of(token->claims)) : nullptr;
  if (!token || (app != nullptr && !is_signed(*token, app->public_key_pem)) ||
      token->header["alg"] != "RS256")
    return refuse_jwt(401, "A JSON web token could not be decoded");
  if (app == nullptr)
    return refuse_jwt(404, "Integration not found");
  if (auto problem = claim_problem(token->claims, server_time(now())))
    return refuse_jwt(401, *problem);
  answer_installation(request, *app, path, out);
}

void github::answer_installation(const http_request& request, const app_config& app,
                                 std::string_view path, http_answer& out) {
  constexpr std::string_view root = "/app/installations/";
  constexpr std::string_view tokens = "/access_tokens";
  auto rest = path.starts_with(root) ? path.substr(root.size()) : "";
  auto wants_token = rest.ends_with(tokens);
  if (wants_token)
    rest.remove_suffix(tokens.size());
  auto found = credentials_.find_installation(app, parse_number(rest).value_or(-1));
  if (found == nullptr || request.method != (wants_token ? "POST" : "GET"))
    return answer_error(out, 404, "Not Found");
  if (!wants_token)
    return describe_installation(*found, out);
  if (found->config.suspended)
    return answer_error(out, 403, "This installation has been suspended");
  auto minted = credentials_.mint(*found, now());
  out.status = 201;
  out.body = "{\"token\":\"" + minted.token + "\",\"expires_at\":";
  append_json_time(out.body, server_time(minted.expires));
  out.body += ",\"permissions\":{\"metadata\":\"read\"},\"repository_selection\":\"all\"}";
}

void github::describe_installation(const installation& what, http_answer& out) {
  out.body = "{\"id\":" + std::to_string(what.config.id) +
             ",\"app_id\":" + std::to_string(what.app->id) +
             ",\"app_slug\":" + json_string(what.app->slug) +
             ",\"target_type\":\"Organization\",\"repository_selection\":\"all\","
             "\"permissions\":{\"metadata\":\"read\"},\"suspended_at\":";
  out.body += what.config.suspended ? "\"2026-01-01T00:00:00Z\"}" : "null}";
}

} // namespace gitstar::sim
