/// What a kind of metadata is: issues, reviews and so on, each described by one value. The text of
/// queries, the reading of answers, the statements that store rows and the certificate's lines are
/// all derived from these descriptions; `registry.hpp` lists them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gitstar::metadata {

/// The PostgreSQL types of columns.
enum class column_type : uint8_t { bigint, integer, boolean, text, text_array, timestamptz };

/// The type as SQL writes it, such as `text[]`.
std::string_view to_string(column_type type);

/// Where the value of a column comes from.
enum class origin : uint8_t {
  node,       ///< the element of the list, by `column::sources`
  holder,     ///< the object that has the list (see `list`), by `column::sources`
  parent,     ///< the column of the same name in the parent's row
  repository, ///< the database id of the repository
  position,   ///< the element's place in the whole list, from 1
};

/// A place in the answer.
struct source {
  /// Fields with dots between them, as they are asked: `author.login`. A field may have arguments:
  /// `labels(first:100).nodes.name`. Behind `nodes` there is one value per element.
  std::string_view path;
  std::string_view on{};     ///< GraphQL type that has the field, where the nodes are a union
  std::string_view prefix{}; ///< put before the value
};

/// A column of the kind's table.
struct column {
  std::string_view name;
  column_type type;
  origin from = origin::node;
  /// The first that the node has and that is not null gives the value.
  std::vector<source> sources{};
  bool nullable = false;
  /// Keeps the stored value while the row is there: two parents that share a row take no turns.
  bool sticky = false;
};

/// A column with one place in the node. Of `text_array` the elements are stored sorted, and a list
/// that GitHub does not give is empty.
column field(std::string_view name, column_type type, std::string_view path);

/// The same where GitHub may say null.
column nullable(std::string_view name, column_type type, std::string_view path);

/// `repo_id`.
column repository_column();

/// A column that the parent's row has under the same name.
column parent_column(std::string_view name, column_type type);

/// A list that elements of a kind are read from. The same element may stand in lists of several
/// kinds of parents, and two kinds may be read from one list (`same_list`).
///
/// A query gives each list an alias, because the parent's own columns may ask the same connection
/// for its `totalCount`.
struct list {
  std::string_view parent;      ///< name of the parent's kind; empty: the repository
  std::string_view parent_type; ///< the parent's GraphQL type
  /// Fields from the parent to the object that has the connection, with arguments, or empty where
  /// that is the parent: `commits(last:1).nodes.commit`. Where it is null there is no list.
  std::string_view way{};
  std::string_view holder_type{}; ///< GraphQL type of that object; `node(id:)` of it continues
  std::string_view connection{};  ///< fields from the holder to the connection
  std::string_view arguments{};   ///< besides `first` and `after`
  /// A further argument that leaves out what has not moved; `$since` stands for the time (of
  /// `kind::moved_at`, inclusive). Empty: GitHub has none.
  std::string_view since{};
  std::string_view enabled{}; ///< the parent's field that says whether there can be any
  /// Columns by which an element names its parent; the parent's row has them under the same names.
  std::vector<std::string_view> link{};
  /// The parent's column that counts the list; empty: only `totalCount` does.
  std::string_view count{};
};

/// Whether one query field answers both.
bool same_list(const list& a, const list& b);

/// How a kind is kept fresh.
enum class freshness : uint8_t {
  since,        ///< ask for what has moved since the watermark (`list::since`)
  newest_first, ///< read the list, what moved last first, until older than the watermark
  whole,        ///< read the whole list every time: nothing tells what has moved
  with_parent,  ///< read the list when its parent has moved
  while_open,   ///< with its parent, and every time while the parent is open: it moves without it
};

struct kind {
  std::string_view name;             ///< of the table, in config, in the certificate
  std::string_view node_type;        ///< GraphQL type of the elements, maybe a union
  std::vector<std::string_view> key; ///< columns
  std::vector<column> columns;       ///< in the order of a row's values, the key among them
  std::vector<list> lists;
  freshness kept = freshness::with_parent;
  /// What a full read of its list does not show any more is gone: the table has a `gone_at`.
  bool can_go = true;
  std::string_view moved_at{};   ///< the column that moves with every change; empty: none does
  std::string_view open_state{}; ///< the value of `state` while it is open; empty: no such state
};

/// The index of a column, in a row's values as well.
std::optional<std::size_t> column_index(const kind& of, std::string_view column);

/// The indexes of the key columns.
std::vector<std::size_t> key_indexes(const kind& of);

/// The GraphQL selection of one element, without braces: what its columns need, and nothing else.
/// A nested connection comes with `totalCount` and `pageInfo{endCursor hasNextPage}`, the elements
/// of a union with `__typename`. Adjacent selections may be joined: GraphQL merges equal fields.
std::string selection(const kind& of);

/// The same for the columns that come from the holder of the list; empty where none does.
std::string holder_selection(const kind& of);

} // namespace gitstar::metadata
