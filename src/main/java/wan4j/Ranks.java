package wan4j;

import java.time.Duration;
import java.util.Objects;
import wan4j.tensor.InputException;

/// How many ranks make a video together, and how they divide it: GPUs of this machine, or threads
/// of its processors.
///
/// @param count how many there are
/// @param sequence how many of them share each forward by DeepSpeed Ulysses, or 0 where that is
///   free
/// @param guidance whether each half of them computes one branch of guidance; null where that is
///   free
/// @param firstGpu the first rank's GPU by its number, from 0, among those that the driver shows,
///   the others' follow it; or -1 for the first that can be used
/// @param sharesGpu whether all ranks use that one GPU
/// @param timeout how long a rank is waited for at an exchange before the request ends
/// @param overlapsExchange whether GPUs of one process exchange some heads while attention of
///   others computes
/// @param shards which weights they divide
public record Ranks(
    int count,
    int sequence,
    Boolean guidance,
    int firstGpu,
    boolean sharesGpu,
    Duration timeout,
    boolean overlapsExchange,
    WeightShards shards) {
  /// The time that is waited for a rank unless told otherwise.
  public static final Duration USUAL_TIMEOUT = Duration.ofSeconds(60);

  /// The first GPU that can be used.
  public static final int ANY_GPU = -1;

  /// One rank.
  public static final Ranks ALONE = of(1);

  /// Which weights ranks divide among them, so that each holds a part of every block and takes
  /// copies of the others' parts of the next block while one computes. A component is null where it
  /// is left to the memory: weights are divided where networks do not fit beside each other
  /// otherwise.
  ///
  /// @param transformers whether the transformers' are
  /// @param text whether the text encoder's are
  public record WeightShards(Boolean transformers, Boolean text) {
    /// What memory decides.
    public static final WeightShards WHERE_NEEDED = new WeightShards(null, null);

    /// Says whether anything is to be divided wherever memory would do without.
    public boolean isAsked() {
      return Boolean.TRUE.equals(transformers) || Boolean.TRUE.equals(text);
    }
  }

  /// Checks the numbers; throws `InputException` for those that cannot be.
  public Ranks {
    Objects.requireNonNull(timeout, "timeout");
    Objects.requireNonNull(shards, "shards");
    if (count < 1) {
      throw new InputException("--gpus got %d; give 1 or more".formatted(count));
    }
    if (sequence < 0) {
      throw new InputException("--ulysses_size got %d; give 1 or more".formatted(sequence));
    }
    if (firstGpu < ANY_GPU) {
      throw new InputException("--device got GPU %d; they count from 0".formatted(firstGpu));
    }
    if (!timeout.isPositive()) {
      throw new InputException(
          "--rank_timeout got %s seconds; give more than 0".formatted(timeout.toSeconds()));
    }
  }

  /// Returns so many ranks that divide requests as suits them.
  public static Ranks of(int count) {
    return new Ranks(
        count, 0, null, ANY_GPU, false, USUAL_TIMEOUT, false, WeightShards.WHERE_NEEDED);
  }

  /// Returns the same with another division; see the components.
  public Ranks dividing(int sequenceRanks, Boolean guidanceHalves) {
    return new Ranks(
        count,
        sequenceRanks,
        guidanceHalves,
        firstGpu,
        sharesGpu,
        timeout,
        overlapsExchange,
        shards);
  }

  /// Returns the same on one GPU.
  public Ranks sharing() {
    return new Ranks(count, sequence, guidance, firstGpu, true, timeout, overlapsExchange, shards);
  }

  /// Returns the same from a GPU on.
  public Ranks from(int gpu) {
    return new Ranks(count, sequence, guidance, gpu, sharesGpu, timeout, overlapsExchange, shards);
  }

  /// Returns the same with another time to wait.
  public Ranks waiting(Duration limit) {
    return new Ranks(
        count, sequence, guidance, firstGpu, sharesGpu, limit, overlapsExchange, shards);
  }

  /// Returns the same with exchanges beside attention or before and after it.
  public Ranks overlapping(boolean isBeside) {
    return new Ranks(count, sequence, guidance, firstGpu, sharesGpu, timeout, isBeside, shards);
  }

  /// Returns the same that divide weights as `wanted` says.
  public Ranks sharding(WeightShards wanted) {
    return new Ranks(
        count, sequence, guidance, firstGpu, sharesGpu, timeout, overlapsExchange, wanted);
  }

  /// Returns what a run's state depends on of these, such as "8, 4 a forward".
  public String spelling() {
    String forward = sequence == 0 || isAlone() ? "" : ", %d a forward".formatted(sequence);
    String branches =
        guidance == null || isAlone() ? "" : guidance ? ", branches apart" : ", branches in turn";
    return count + forward + branches;
  }

  /// Says whether there is only one.
  public boolean isAlone() {
    return count == 1;
  }
}
