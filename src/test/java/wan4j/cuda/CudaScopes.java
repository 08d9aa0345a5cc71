package wan4j.cuda;

import wan4j.ops.plan.CountedScopes;

/// What the scopes of a GPU's backend hold.
public final class CudaScopes {
  private CudaScopes() {}

  /// Returns a backend with what its scopes hold.
  public static CountedScopes of(CudaOps ops) {
    return new CountedScopes(ops, ops::scopeBytes, ops::mostScopeBytes);
  }
}
