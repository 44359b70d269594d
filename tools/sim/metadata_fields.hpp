#pragma once

#include "tools/sim/metadata.hpp"
#include "tools/sim/node_ids.hpp"
#include "tools/sim/plan.hpp"

/// How the fields of issues, pull requests and so on get their values.
namespace gitstar::sim {

/// Something that has fields. Which members count depends on its type.
struct metadata_object {
  std::string_view type; ///< of GitHub's schema
  const repository* repo = nullptr;
  const repository_metadata* all = nullptr;
  const thread_item* thread = nullptr; ///< the issue or pull request that it is or is part of
  const pull_request_item* pull_request = nullptr;
  const review_item* review = nullptr;
  const written_item* written = nullptr;
  const commit_item* commit = nullptr;
  const check_item* check = nullptr;
  person who = 0;     ///< of users and other actors
  int64_t number = 0; ///< of labels, milestones, apps and categories
};

/// An element of a connection, and where it stands in its order.
struct metadata_element {
  metadata_object object;
  int64_t key = 0;
  int64_t id = 0; ///< decides between equal keys
};

/// The value of a field.
struct metadata_value {
  enum class kind : uint8_t { null, boolean, number, text, time, object, missing, list };

  kind what = kind::null;
  int64_t number = 0; ///< also a boolean and a time
  std::string text;   ///< also what is said about a thing that is missing
  metadata_object object;
  std::vector<metadata_element> list; ///< sorted
};

/// What a field's value is made from.
struct metadata_request {
  const field_arguments& arguments;
  metadata& world;
  bool next_global_ids = false;
};

using metadata_getter = metadata_value (*)(const metadata_object&, const metadata_request&);

/// How the field `Type.name` gets its value, or null where it is none of metadata.
metadata_getter find_metadata_getter(std::string_view field);

/// The object that a node id leads to; its `type` is empty where there is none.
metadata_object find_metadata_node(const node_id& id, const dataset& data, metadata& world);

/// The issues and pull requests that a search of `type: ISSUE` finds, in its order. It must name
/// its repositories with `repo:`; an error is in `missing` otherwise.
metadata_value search_issues(std::string_view text, const dataset& data, metadata& world);

metadata_object repository_metadata_object(const repository& repo, metadata& world);
metadata_object issue_object(const metadata_object& in, const issue_item& item);
metadata_object pull_request_object(const metadata_object& in, const pull_request_item& item);

/// What `Repository.issues` and its like list; the repository must have metadata.
metadata_value list_issues(const metadata_object& in, const metadata_request& from);
metadata_value list_pull_requests(const metadata_object& in, const metadata_request& from);
metadata_value list_releases(const metadata_object& in, const metadata_request& from);
metadata_value list_discussions(const metadata_object& in, const metadata_request& from);

/// By which value a list of issues or pull requests is in the order of this `IssueOrderField`.
int64_t thread_key(const thread_item& item, std::string_view order_field);

/// Sorts by key, then by id.
void sort_elements(std::vector<metadata_element>& elements, bool ascending);

/// Where a check's details are, if it says so.
std::string check_url(const check_item& check);

/// How many issues or pull requests are open.
int64_t count_open(const std::vector<issue_item>& items);
int64_t count_open(const std::vector<pull_request_item>& items);

} // namespace gitstar::sim
