#include "config/config.hpp"

#include "config/yaml_reader.hpp"

#include <cstdlib>

namespace gitstar::config {

namespace {

/// Lists keys with the values they have.
class key_lister {
public:
  key_lister(std::string path, std::vector<key_info>& keys) : path_(std::move(path)), keys_(keys) {}

  template <class T, class Rule>
  void value(const char* name, T& member, const Rule& rule, presence need = presence::optional) {
    auto& key = add(name, need);
    rule.describe(key);
    key.value = rule.write(member);
  }

  template <class T, class Rule>
  void value(const char* name, std::optional<T>& member, const Rule& rule) {
    auto& key = add(name, presence::optional);
    rule.describe(key);
    if (member)
      key.value = rule.write(*member);
  }

  void value(const char* name, std::optional<endpoint>& member, const listen_address& rule) {
    auto& key = add(name, presence::optional);
    rule.describe(key);
    key.value = rule.write(member);
  }

  template <class T>
  void section(const char* name, T& member) {
    key_lister nested{path_of(name), keys_};
    describe(nested, member);
  }

  template <class T>
  void section(const char* name, std::optional<T>& member, presence) {
    auto shown = member.value_or(T{});
    section(name, shown);
  }

  template <class T>
  void elements(const char* name, std::vector<T>&, size_t) {
    T element;
    key_lister nested{path_of(name) + "[]", keys_};
    describe(nested, element);
  }

  template <class Rule>
  void texts(const char* name, std::vector<std::string>&, const Rule& rule) {
    auto list = std::string{name} + "[]";
    rule.describe(add(list.c_str(), presence::required));
  }

  void locate(const char*, location&) {}
  void check(const char*, bool, const char*) {}
  void require(bool, const char*) {}

private:
  std::string path_of(const char* name) const {
    return path_.empty() ? std::string{name} : path_ + "." + name;
  }

  key_info& add(const char* name, presence need) {
    auto& key = keys_.emplace_back();
    key.path = path_of(name);
    key.required = need != presence::optional;
    return key;
  }

  std::string path_;
  std::vector<key_info>& keys_;
};

} // namespace

std::string to_string(const location& at) {
  auto text = at.file;
  if (at.line > 0)
    text.append(":").append(std::to_string(at.line)).append(":").append(std::to_string(at.column));
  if (!at.key.empty())
    text.append(text.empty() ? "" : ": ").append(at.key);
  return text;
}

std::string to_string(const problem& what) { return to_string(what.at) + ": " + what.message; }

std::string to_string(const endpoint& address) {
  auto is_ipv6 = address.host.find(':') != std::string::npos;
  std::string text = is_ipv6 ? "[" : "";
  text.append(address.host).append(is_ipv6 ? "]:" : ":");
  return text.append(std::to_string(address.port));
}

std::string to_string(credential_kind kind) {
  switch (kind) {
  case credential_kind::unknown:
    return "unknown";
  case credential_kind::classic:
    return "classic";
  case credential_kind::fine_grained:
    return "fine_grained";
  case credential_kind::oauth:
    return "oauth";
  case credential_kind::user_app:
    return "user_app";
  case credential_kind::installation:
    return "installation";
  }
  return "unknown";
}

environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    auto value = std::getenv(name.c_str());
    return value ? std::optional<std::string>{value} : std::nullopt;
  };
}

result parse(const std::string& text, const std::string& file, const environment& env, tokens use) {
  try {
    settings found;
    read_document(text, document{file, env, use}, found);
    return found;
  } catch (const failure& stop) {
    return stop.what;
  }
}

result load(const std::filesystem::path& file, const environment& env, tokens use) {
  try {
    return parse(read_file(file, location{file.string()}), file.string(), env, use);
  } catch (const failure& stop) {
    return stop.what;
  }
}

std::vector<key_info> list_keys(settings of) {
  std::vector<key_info> keys;
  key_lister lister{{}, keys};
  describe(lister, of);
  return keys;
}

} // namespace gitstar::config
