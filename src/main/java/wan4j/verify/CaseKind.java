package wan4j.verify;

import java.util.List;

/// How the cases of one kind are computed with this build.
interface CaseKind {
  /// Computes what the case asks for and compares it with the reference.
  List<Comparison> run(ReferenceCase reference, Backend backend);
}
