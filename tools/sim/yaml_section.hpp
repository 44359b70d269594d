#pragma once

#include <yaml-cpp/yaml.h>

#include <optional>
#include <set>
#include <stdexcept>
#include <string>

namespace gitstar::sim {

/// Reads one mapping of a YAML file, and refuses what nobody asked for. Everything that is wrong
/// throws `std::runtime_error` with file, line and key.
class yaml_section {
public:
  yaml_section(std::string file, const YAML::Node& node) : file_(std::move(file)), node_(node) {
    if (!node_.IsMap() && !node_.IsNull())
      fail(node_, "must be a mapping");
  }

  /// Reads a value; one that is absent stays as it is.
  template <class T>
  void read(const std::string& key, T& out) {
    known_.insert(key);
    auto found = find(key);
    if (!found.IsDefined())
      return;
    try {
      out = found.template as<T>();
    } catch (const YAML::Exception&) {
      fail(found, "'" + key + "' has a value that it cannot have");
    }
  }

  template <class T>
  void read(const std::string& key, std::optional<T>& out) {
    if (has(key))
      read(key, out.emplace());
    known_.insert(key);
  }

  /// Reads a list of mappings: calls `item` with the section of each.
  template <class Item>
  void each(const std::string& key, Item item) {
    known_.insert(key);
    auto found = find(key);
    if (!found.IsDefined() || found.IsNull())
      return;
    if (!found.IsSequence())
      fail(found, "'" + key + "' must be a list");
    for (const auto& node : found) {
      yaml_section section{file_, node};
      item(section);
      section.finish();
    }
  }

  /// Reads a mapping, if it is there: calls `item` with its section.
  template <class Item>
  void with(const std::string& key, Item item) {
    known_.insert(key);
    auto found = find(key);
    if (!found.IsDefined())
      return;
    yaml_section section{file_, found};
    item(section);
    section.finish();
  }

  bool has(const std::string& key) const { return find(key).IsDefined(); }

  /// Call when all keys have been read.
  void finish() const {
    for (const auto& entry : node_)
      if (auto key = entry.first.as<std::string>(""); !known_.contains(key))
        fail(entry.first, "'" + key + "' is not known here");
  }

  [[noreturn]] void fail(const std::string& what) const { fail(node_, what); }

private:
  YAML::Node find(const std::string& key) const {
    return node_.IsMap() ? node_[key] : YAML::Node{YAML::NodeType::Undefined};
  }

  [[noreturn]] void fail(const YAML::Node& at, const std::string& what) const {
    throw std::runtime_error(file_ + ":" + std::to_string(at.Mark().line + 1) + ": " + what);
  }

  std::string file_;
  const YAML::Node node_; // const: else a look at a key would add it
  std::set<std::string> known_;
};

} // namespace gitstar::sim
