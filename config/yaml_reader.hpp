/// Internal to config/: reads sections from YAML and finds the words for what is wrong. Only
/// config.cpp includes it.
#pragma once

#include "config/sections.hpp"

#include <yaml-cpp/yaml.h>

namespace gitstar::config {

/// Thrown at the first problem; `parse` turns it into its result.
struct failure {
  problem what;
};

/// The file as a whole: its name for errors, and what its values may read.
struct document {
  std::string file;
  const environment& env;
  tokens use = tokens::needed;
};

/// Collects the names of a section's keys.
class name_collector {
public:
  template <class T, class Rule>
  void value(const char* name, T&, const Rule&, presence = presence::optional) {
    names_.emplace_back(name);
  }
  template <class T>
  void section(const char* name, T&, presence = presence::optional) {
    names_.emplace_back(name);
  }
  template <class T>
  void elements(const char* name, std::vector<T>&, size_t) {
    names_.emplace_back(name);
  }
  template <class Rule>
  void texts(const char* name, std::vector<std::string>&, const Rule&) {
    names_.emplace_back(name);
  }
  void locate(const char*, location&) {}
  void check(const char*, bool, const char*) {}
  void require(bool, const char*) {}

  const std::vector<std::string>& names() const { return names_; }

private:
  std::vector<std::string> names_;
};

/// Reads one mapping; a missing one reads as empty, so that required keys in it are missed.
class yaml_reader {
public:
  /// `at` names the mapping itself.
  yaml_reader(const document& doc, const YAML::Node& mapping, location at);

  /// Reads all of `target`, and refuses keys that it does not have.
  template <class T>
  void read(T& target) {
    name_collector collector;
    describe(collector, target);
    refuse_unknown(collector.names());
    describe(*this, target);
  }

  template <class T, class Rule>
  void value(const char* name, T& member, const Rule& rule, presence need = presence::optional) {
    auto found = scalar(name, need, rule.expected());
    if (!found)
      return;
    auto outcome = rule.read(found->expanded);
    if (auto no = std::get_if<refusal>(&outcome))
      refuse(name, *found, no->message, rule.expected());
    member = static_cast<T>(std::move(std::get<0>(outcome)));
  }

  template <class T, class Rule>
  void value(const char* name, std::optional<T>& member, const Rule& rule) {
    if (is_null(name))
      return;
    auto found = member.value_or(T{});
    value(name, found, rule);
    if (is_present(name))
      member = std::move(found);
  }

  void value(const char* name, std::optional<endpoint>& member, const listen_address& rule);
  void value(const char* name, secret& member, const secret_text& rule,
             presence need = presence::optional);

  void value(const char* name, std::vector<secret>& members, const server_list& rule);
  void value(const char* name, partitioning& member, const partitioning_choice& rule);

  template <class T>
  void section(const char* name, T& member) {
    nested(name).read(member);
  }

  template <class T>
  void section(const char* name, std::optional<T>& member, presence) {
    if (is_present(name) && !is_null(name))
      nested(name).read(member.emplace());
  }

  void elements(const char* name, std::vector<credential>& members, size_t most);
  template <class Rule>
  void texts(const char* name, std::vector<std::string>& members, const Rule& rule) const {
    members = list_of_texts(name, Rule::noun, rule.expected(),
                            [&](const std::string& text) { return rule.read(text); });
  }
  void locate(const char* name, location& at) const { at = location_of(name); }
  void check(const char* name, bool holds, const char* message) const;
  void require(bool holds, const char* message) const;

private:
  struct scalar_text {
    std::string written;  ///< as in the file
    std::string expanded; ///< with variables of the environment put in
  };

  std::vector<std::string>
  list_of_texts(const char* name, const std::string& noun, const std::string& expected,
                const std::function<reading<std::string>(const std::string&)>& read) const;
  bool is_present(const char* name) const;
  bool is_null(const char* name) const;
  YAML::Node child(const char* name) const;
  location location_of(const char* name) const;
  yaml_reader nested(const char* name) const;
  void finish(credential& read, size_t number) const;
  std::optional<scalar_text> scalar(const char* name, presence need,
                                    const std::string& expected) const;
  scalar_text scalar_at(const YAML::Node& node, const location& at,
                        const std::string& expected) const;
  secret read_secret(std::string text, const location& at, const secret_text& rule) const;
  std::string expand(const std::string& written, const location& at) const;
  void refuse_unknown(const std::vector<std::string>& known) const;
  [[noreturn]] void refuse(const char* name, const scalar_text& found, const std::string& message,
                           const std::string& expected) const;

  const document& doc_;
  YAML::Node mapping_;
  location at_;
};

/// Reads the one YAML document in `text`.
void read_document(const std::string& text, const document& doc, settings& target);

/// The content of a file; throws `failure` at `at` where it cannot be read.
std::string read_file(const std::filesystem::path& file, const location& at);

} // namespace gitstar::config
