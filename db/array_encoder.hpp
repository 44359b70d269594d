/// Arrays in PostgreSQL's binary format, as `array_send` writes them: the fastest way to hand many
/// values to one statement. Internal to db/: includes libpqxx.
#pragma once

#include "messages/basic.hpp"

#include <pqxx/binarystring>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace gitstar::db {

/// Builds one one-dimensional array. Call the `add` that fits the element type.
class array_encoder {
public:
  /// Object identifiers of the element types (PostgreSQL's pg_type.dat; they never change).
  enum element : uint32_t {
    boolean = 16,
    bigint = 20,
    integer = 23,
    text = 25,
    timestamptz = 1184,
  };

  /// Elements of the given type; `byte_count` is a guess for the reservation.
  array_encoder(element type, std::size_t byte_count) {
    bytes_.reserve(header_size + byte_count);
    put(uint32_t{1}); // dimensions
    put(uint32_t{0}); // has nulls; patched by add_null
    put(static_cast<uint32_t>(type));
    put(uint32_t{0}); // elements; patched by encoded
    put(uint32_t{1}); // index of the first
  }

  void add(bool x) {
    begin_element(1);
    bytes_ += static_cast<char>(x);
  }

  void add(int32_t x) {
    begin_element(4);
    put(static_cast<uint32_t>(x));
  }

  void add(int64_t x) {
    begin_element(8);
    put(static_cast<uint64_t>(x));
  }

  void add(std::string_view x) {
    begin_element(static_cast<uint32_t>(x.size()));
    bytes_ += x;
  }

  /// Throws `std::out_of_range` for a time that PostgreSQL cannot hold.
  void add(timestamp x) {
    constexpr int64_t first = -210866803200; // 4714-11-24 BC
    constexpr int64_t last = 9224318015999;  // 294276-12-31
    constexpr int64_t epoch = 946684800;     // PostgreSQL counts from 2000-01-01
    auto seconds = x.time_since_epoch().count();
    if (seconds < first || seconds > last)
      throw std::out_of_range("a time is outside of what timestamptz holds");
    add((seconds - epoch) * 1'000'000);
  }

  template <class T>
  void add(const optional<T>& x) {
    if (x)
      add(*x);
    else
      add_null();
  }

  /// The array as a parameter.
  pqxx::binarystring encoded() {
    patch(12, count_);
    return pqxx::binarystring{bytes_.data(), bytes_.size()};
  }

private:
  static constexpr std::size_t header_size = 20;

  void add_null() {
    patch(4, 1);
    begin_element(0xFFFFFFFF);
  }

  void begin_element(uint32_t size) {
    put(size);
    ++count_;
  }

  template <class T>
  void put(T x) {
    char bytes[sizeof(T)];
    for (std::size_t i = 0; i < sizeof(T); ++i)
      bytes[i] = static_cast<char>(x >> (8 * (sizeof(T) - 1 - i)));
    bytes_.append(bytes, sizeof(T));
  }

  void patch(std::size_t offset, uint32_t x) {
    for (std::size_t i = 0; i < 4; ++i)
      bytes_[offset + i] = static_cast<char>(x >> (8 * (3 - i)));
  }

  std::string bytes_;
  uint32_t count_ = 0;
};

/// Ids as a parameter of the type `bigint[]`.
inline pqxx::binarystring encoded(const std::vector<repo_id>& ids) {
  array_encoder array{array_encoder::element::bigint, ids.size() * 12};
  for (auto id : ids)
    array.add(id);
  return array.encoded();
}

} // namespace gitstar::db
