package wan4j.ops.backend;

import java.util.List;
import java.util.function.IntFunction;
import wan4j.ops.Parameters;

/// A home of weights that ranks can share.
public interface SharingParameters extends Parameters {
  /// Returns what ranks share of it.
  SharedWeights shared();

  @Override
  default <B> List<B> blocks(int count, IntFunction<B> load) {
    return shared().blocks(count, load);
  }

  @Override
  default void use(int block) {
    shared().use(block);
  }

  @Override
  default void complete() {
    shared().complete();
  }

  @Override
  default void rest() {
    shared().rest();
  }
}
