package wan4j.model;

import wan4j.tensor.Tensor;

/// How a forward takes its tokens through the blocks: by running them, or something in their place.
@FunctionalInterface
public interface BlockRun {
  /// Runs the blocks of every forward.
  BlockRun ALWAYS = (_, blocks) -> blocks.run();

  /// Takes `tokens [tokens, dim]`, in the residual type, through the blocks in place; `blocks` runs
  /// them over the tokens.
  void run(Tensor tokens, Runnable blocks);
}
