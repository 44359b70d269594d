#include "net/secret_texts.hpp"

#include <catch2/catch.hpp>

using namespace gitstar;
using namespace gitstar::net;

namespace {

const std::string token = "ghs_1234_" + std::string(511, 'j');

std::string scrubbed(const secret_texts& secrets, std::string text) {
  secrets.scrub(text);
  return text;
}

} // namespace

TEST_CASE("a secret is taken out wherever it stands", "[secret_texts]") {
  secret_texts secrets;
  secrets.add(token);
  secrets.add("ghp_0123456789abcdefghij");
  CHECK(scrubbed(secrets, "a " + token + " b ghp_0123456789abcdefghij" + token) ==
        "a *** b ******");
  CHECK(scrubbed(secrets, "") == "");
}

TEST_CASE("a secret that was cut off is taken out as well", "[secret_texts]") {
  secret_texts secrets;
  secrets.add(token);
  CHECK(scrubbed(secrets, "you sent " + token.substr(0, 200) + "...") == "you sent ***...");
}

TEST_CASE("a secret that begins like another is taken out whole", "[secret_texts]") {
  secret_texts secrets;
  secrets.add("ghp_0123456789abcdef");
  secrets.add("ghp_0123456789abcdefXYZ");
  CHECK(scrubbed(secrets, "ghp_0123456789abcdefXYZ") == "***");
}

TEST_CASE("of secrets that begin alike each is taken out whole", "[secret_texts]") {
  secret_texts secrets;
  secrets.add("github_pat_11ABCDEFG0first_0123456789");
  secrets.add("github_pat_11ABCDEFG0second_0123456789");
  secrets.add("github_pat_11ABCDEFG0third_0123456789");
  CHECK(scrubbed(secrets, "github_pat_11ABCDEFG0third_0123456789 and "
                          "github_pat_11ABCDEFG0second_0123456789.") == "*** and ***.");
  CHECK(scrubbed(secrets, "cut: github_pat_11ABCDEFG0first_0123") == "cut: ***");
}

TEST_CASE("a secret that is not in use any more is forgotten", "[secret_texts]") {
  secret_texts secrets;
  secrets.add("ghp_0123456789abcdef");
  secrets.remove("ghp_0123456789abcdef");
  secrets.remove("never added");
  CHECK(scrubbed(secrets, "ghp_0123456789abcdef") == "ghp_0123456789abcdef");
}

TEST_CASE("every text of an answer is scrubbed", "[secret_texts]") {
  secret_texts secrets;
  secrets.add(token);
  api_response answer;
  answer.message = answer.request_id = token;
  answer.fields.resize(1);
  answer.fields[0].message = token;
  answer.identity = viewer{1, token};
  secrets.scrub(answer);
  CHECK(answer.message == "***");
  CHECK(answer.request_id == "***");
  CHECK(answer.fields[0].message == "***");
  CHECK(answer.identity->login == "***");
}
