#pragma once

#include <memory>
#include <string>

#include <openssl/types.h>

namespace gitstar::config {

/// A key as OpenSSL holds it; it is wiped when the last owner goes.
using rsa_key = std::shared_ptr<EVP_PKEY>;

/// Reads an RSA private key in PEM, PKCS#1 or PKCS#8 (fact sheet 8). Null where the text is none,
/// or asks for a passphrase. `\n` written as two characters is read as the end of a line: that is
/// how a key fits into a variable.
rsa_key read_rsa_key(std::string pem);

} // namespace gitstar::config
