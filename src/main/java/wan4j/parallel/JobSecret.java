package wan4j.parallel;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/// How two processes prove to each other that they know a job's secret without telling it: each
/// answers the other's random challenge with a keyed hash (HMAC-SHA-256, RFC 2104). Without a
/// secret the key is a known one, which keeps out what speaks another protocol, but no attacker.
final class JobSecret {
  static final int CHALLENGE = 32; // bytes
  static final int PROOF = 32;
  private static final String ALGORITHM = "HmacSHA256";
  private static final String KNOWN = "wan4j: ranks of one host";
  private static final SecureRandom RANDOM = new SecureRandom();

  private final byte[] key;

  /// Takes a secret, or null for none.
  JobSecret(String secret) {
    key = (secret == null ? KNOWN : secret).getBytes(StandardCharsets.UTF_8);
  }

  /// Returns a new challenge.
  static byte[] challenge() {
    byte[] challenge = new byte[CHALLENGE];
    RANDOM.nextBytes(challenge);
    return challenge;
  }

  /// Returns what proves the secret to who gave the first challenge; `role` keeps the proofs of the
  /// two sides apart.
  byte[] proof(String role, byte[] challenge, byte[] own) {
    try {
      Mac mac = Mac.getInstance(ALGORITHM);
      mac.init(new SecretKeySpec(key, ALGORITHM));
      mac.update(role.getBytes(StandardCharsets.UTF_8));
      mac.update(challenge);
      mac.update(own);
      return mac.doFinal();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java platform has " + ALGORITHM, e);
    }
  }

  /// Says whether a proof is the right one, in the same time for all wrong ones.
  boolean isProof(byte[] proof, String role, byte[] challenge, byte[] others) {
    return MessageDigest.isEqual(proof, proof(role, challenge, others));
  }
}
