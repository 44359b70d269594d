/// The one header that knows which CAF release we build against (0.17.6). Everything else is
/// spelled the way CAF 1.x does it.
#pragma once

#include <caf/all.hpp>
#include <caf/meta/type_name.hpp>

#include <utility>

namespace gitstar {

template <class Signature>
struct lower;

template <class... Out, class... In>
struct lower<caf::result<Out...>(In...)> {
  using type = typename caf::replies_to<In...>::template with<Out...>;
};

template <class... In>
struct lower<caf::result<void>(In...)> {
  using type = typename caf::reacts_to<In...>;
};

/// `typed_actor<caf::result<R>(A, B), ...>`: signatures in CAF 1.x spelling.
template <class... Signatures>
using typed_actor = caf::typed_actor<typename lower<Signatures>::type...>;

template <class Inspector, class T, class... Fields>
auto inspect_fields(Inspector& f, T&, const char* name, Fields&... xs) {
  return f(caf::meta::type_name(name), xs...);
}

/// The state of a stateful actor; in CAF 1.x `self->state()`.
template <class Self>
auto& state_of(Self* self) {
  return self->state;
}

} // namespace gitstar
