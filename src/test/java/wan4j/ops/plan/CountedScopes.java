package wan4j.ops.plan;

import java.util.function.LongSupplier;
import wan4j.ops.Ops;

/// A backend of which the bytes that its scopes hold are known.
///
/// @param ops the backend
/// @param held the bytes that scopes hold
/// @param most the most that they held since this was asked last
public record CountedScopes(Ops ops, LongSupplier held, LongSupplier most) {
  /// Returns a backend without elements.
  public static CountedScopes of(NullOps ops) {
    return new CountedScopes(ops, ops::scopeBytes, ops::recentScopeBytes);
  }
}
