/// Bodies as GitHub sends them, for tests.
#pragma once

#include <string>

namespace gitstar::test {

/// A repository with every field set.
inline std::string sample_node(const std::string& id = "28457823") {
  return R"({"databaseId":)" + id +
         R"(,"nameWithOwner":"freeCodeCamp/freeCodeCamp","stargazerCount":412345,"forkCount":39000,)"
         R"("issues":{"totalCount":181},"watchers":{"totalCount":8480},)"
         R"("primaryLanguage":{"name":"TypeScript"},"licenseInfo":{"key":"bsd-3-clause"},)"
         R"("description":"Learn to code for free \ud83d\ude80.","isFork":false,)"
         R"("isArchived":true,"isDisabled":false,"visibility":"PUBLIC","diskUsage":433210,)"
         R"("createdAt":"2014-12-24T17:49:19Z","updatedAt":"2026-10-01T00:00:01Z",)"
         R"("pushedAt":"2026-09-30T23:59:59Z"})";
}

/// One page with the given elements of `nodes`.
inline std::string sample_page(const std::string& nodes, const std::string& count = "2") {
  return R"({"repositoryCount":)" + count +
         R"(,"pageInfo":{"endCursor":"Y3Vyc29yOjEwMA==","hasNextPage":true},"nodes":[)" + nodes +
         "]}";
}

inline const std::string sample_rate_limit =
    R"({"cost":1,"limit":5000,"remaining":4984,"used":16,"resetAt":"2020-11-29T14:26:15Z"})";

} // namespace gitstar::test
