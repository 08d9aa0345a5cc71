package wan4j.ops.backend;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import wan4j.ops.WeightSharing;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Storage;
import wan4j.tensor.Tensor;

/// The weights of one home as ranks share them. Each tensor is read and made by one rank alone, and
/// the others copy it.
///
/// Where weights are sharded, a block's matrices and their scales lie one behind the other in one
/// of two buffers, the same for every second block, and each rank keeps an equal range of those
/// bytes. While a block computes, the next one's ranges are copied together in the other buffer
/// (the prefetching of Zhao et al., PyTorch FSDP, 2023, by copies instead of a collective). So the
/// kernels see the same bytes as without. What is small stays whole on every rank: norms, biases
/// and the state of delayed scaling, which forwards and LoRA files change.
public final class SharedWeights {
  /// How many blocks are whole at a time: the one that computes, and the next.
  public static final int BUFFERS = 2;

  private static final long ALIGNMENT = 256; // what any backend aligns tensors to
  private static final int NONE = -1;

  /// What a backend does with the memory of weights.
  public interface Home {
    /// Takes memory that lives as long as the home.
    Tensor allocate(DType dtype, Shape shape);

    /// Copies a tensor of another rank, or of this one, after the work so far.
    void copy(Tensor theirs, Tensor own);

    /// Waits until all work is done.
    void synchronize();

    /// Begins to fill a buffer, after the work so far and beside what follows.
    void gather(int buffer, List<Move> moves);

    /// Has the work from now on wait until a buffer is filled.
    void await(int buffer);

    /// Waits until a buffer is filled.
    void finish(int buffer);
  }

  /// A copy between ranks.
  ///
  /// @param theirs what is copied, of another rank or of this one
  /// @param own where it goes
  public record Move(Tensor theirs, Tensor own) {}

  /// A tensor that one rank makes for all.
  private record Made(Tensor tensor, int maker) {}

  private enum Stage {
    /// Tensors are loaded whole.
    WHOLE,
    /// Blocks are laid out to learn their bytes; nothing is loaded.
    MEASURING,
    /// Blocks are loaded into the buffers.
    BLOCKS
  }

  private final WeightSharing sharing;
  private final Home home;
  private final List<Made> made = new ArrayList<>(); // since the last exchange
  private final long[] work; // bytes that each rank has had to read
  private Stage stage = Stage.WHOLE;
  private int maker;
  private boolean isComplete;

  private int block; // that is laid out or loaded
  private long offset; // in its buffer
  private final List<Tensor> buffers = new ArrayList<>();
  private List<List<Move>> moves = List.of(); // of each block, none where nothing is sharded
  private final int[] held = {NONE, NONE}; // the block that each buffer holds

  /// Creates what a home shares.
  public SharedWeights(WeightSharing sharing, Home home) {
    this.sharing = sharing;
    this.home = home;
    work = new long[sharing.ranks()];
  }

  /// Begins to load something of so many bytes, which the rank makes that has read the least.
  public void begin(long bytes) {
    if (stage == Stage.WHOLE) {
      maker = 0;
      for (int rank = 1; rank < work.length; rank++) {
        if (work[rank] < work[maker]) {
          maker = rank;
        }
      }
      work[maker] += bytes;
    }
  }

  /// Says whether this rank makes what is loaded now.
  public boolean isMaker() {
    return stage != Stage.MEASURING && maker == sharing.rank();
  }

  /// Says whether nothing is to come of what is loaded now, whose bytes are only counted.
  public boolean isMeasuring() {
    return stage == Stage.MEASURING;
  }

  /// Returns room for something small, which every rank has whole.
  public Tensor whole(DType dtype, Shape shape) {
    if (stage == Stage.MEASURING) {
      return new Tensor(shape, dtype, new Unplaced(shape.count() * dtype.bytes()));
    }
    Tensor tensor = home.allocate(dtype, shape);
    if (sharing.ranks() > 1) {
      made.add(new Made(tensor, maker));
    }
    return tensor;
  }

  /// Returns room for a matrix or its scales, which lies in a buffer where it is sharded.
  public Tensor matrix(DType dtype, Shape shape) {
    if (stage == Stage.WHOLE) {
      return whole(dtype, shape);
    }
    long bytes = shape.count() * dtype.bytes();
    long start = offset;
    offset += Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
    Storage place =
        stage == Stage.MEASURING
            ? new Unplaced(bytes)
            : buffers.get(block % BUFFERS).storage().slice(start, bytes);
    return new Tensor(shape, dtype, place);
  }

  /// Loads the blocks of a network, each by its number, of which a forward uses one after the
  /// other.
  public <B> List<B> blocks(int count, IntFunction<B> load) {
    List<B> loaded = new ArrayList<>();
    if (!sharing.isSharded() || sharing.ranks() == 1) {
      for (int i = 0; i < count; i++) {
        loaded.add(load.apply(i));
      }
      return loaded;
    }
    long[] parts = parts(count, load);
    long largest = 0;
    for (long part : parts) {
      largest = Math.max(largest, part);
    }
    for (int i = 0; i < BUFFERS; i++) {
      buffers.add(home.allocate(DType.U8, Shape.of(largest * sharing.ranks())));
    }
    List<Tensor> own = new ArrayList<>();
    for (long part : parts) {
      own.add(home.allocate(DType.U8, Shape.of(part)));
    }
    stage = Stage.BLOCKS;
    for (int first = 0; first < count; first += sharing.ranks()) {
      int end = Math.min(count, first + sharing.ranks());
      for (block = first; block < end; block++) {
        offset = 0;
        maker = block - first;
        loaded.add(load.apply(block));
      }
      divide(own.subList(first, end), first);
    }
    stage = Stage.WHOLE;
    moves = moves(sharing.show(own), own);
    return loaded;
  }

  /// Returns the bytes of a rank's part of each block.
  private long[] parts(int count, IntFunction<?> load) {
    long[] parts = new long[count];
    stage = Stage.MEASURING;
    for (block = 0; block < count; block++) {
      offset = 0;
      var _ = load.apply(block);
      long part = Math.ceilDiv(offset, sharing.ranks());
      parts[block] = Math.max(ALIGNMENT, Math.ceilDiv(part, ALIGNMENT) * ALIGNMENT);
    }
    return parts;
  }

  /// Divides blocks, of which each rank has made one, from the first rank and block on.
  private void divide(List<Tensor> own, int first) {
    home.synchronize();
    int mine = sharing.rank();
    boolean hasMade = mine < own.size();
    List<List<Tensor>> shown =
        sharing.show(hasMade ? List.of(buffers.get((first + mine) % BUFFERS)) : List.of());
    for (int rank = 0; rank < own.size() && !shown.isEmpty(); rank++) {
      Tensor part = own.get(rank);
      home.copy(shown.get(rank).getFirst().slice(mine * part.bytes(), part.bytes()), part);
    }
    exchange();
  }

  /// Returns the copies that bring each block together, on every rank from its own part on, so that
  /// not all read from one at once.
  private List<List<Move>> moves(List<List<Tensor>> shown, List<Tensor> own) {
    List<List<Move>> all = new ArrayList<>();
    for (int i = 0; i < own.size(); i++) {
      List<Move> ofBlock = new ArrayList<>();
      for (int k = 0; k < shown.size(); k++) {
        int rank = (sharing.rank() + k) % sharing.ranks();
        Tensor part = shown.get(rank).get(i);
        Tensor place = buffers.get(i % BUFFERS).slice(rank * part.bytes(), part.bytes());
        ofBlock.add(new Move(part, place));
      }
      all.add(ofBlock);
    }
    return all;
  }

  /// Takes copies of what others have made, and waits until all have; the work before is done.
  private void exchange() {
    List<Tensor> own =
        made.stream().filter(one -> one.maker == sharing.rank()).map(Made::tensor).toList();
    List<List<Tensor>> shown = sharing.show(own);
    if (!shown.isEmpty()) {
      int[] next = new int[sharing.ranks()];
      for (Made one : made) {
        Tensor theirs = shown.get(one.maker).get(next[one.maker]++);
        if (one.maker != sharing.rank()) {
          home.copy(theirs, one.tensor);
        }
      }
      home.synchronize();
      sharing.show(List.of());
    }
    made.clear();
  }

  /// Waits until everything is there, on every rank.
  public void complete() {
    if (sharing.ranks() > 1) {
      home.synchronize();
      exchange();
    }
    isComplete = true;
  }

  /// Has the weights of a block in their places for the work from now on, and begins to bring those
  /// of the block after it, the first after the last.
  public void use(int number) {
    if (moves.isEmpty()) {
      return;
    }
    int buffer = number % BUFFERS;
    bring(number);
    try {
      home.await(buffer);
    } catch (RuntimeException | Error e) {
      held[buffer] = NONE;
      throw e;
    }
    int next = (number + 1) % moves.size();
    if (next % BUFFERS != buffer) {
      bring(next);
    }
  }

  private void bring(int number) {
    int buffer = number % BUFFERS;
    if (held[buffer] != number) {
      held[buffer] = NONE;
      home.gather(buffer, moves.get(number));
      held[buffer] = number;
    }
  }

  /// Throws `IllegalStateException` where layers are only whole while their block is used.
  public void requireWhole() {
    if (!moves.isEmpty()) {
      throw new IllegalStateException("got a layer whose weights are divided, expected whole ones");
    }
  }

  /// Waits until no buffer is being filled.
  public void rest() {
    for (int buffer = 0; buffer < buffers.size(); buffer++) {
      home.finish(buffer);
    }
  }

  /// Frees the home's memory when no rank copies from it any more.
  public void release(Runnable free) {
    if (isComplete && !sharing.isSharded()) {
      free.run();
    } else {
      sharing.release(free);
    }
  }

  /// Bytes that are nowhere.
  private record Unplaced(long bytes) implements Storage {
    @Override
    public Storage slice(long from, long length) {
      return new Unplaced(length);
    }
  }
}
