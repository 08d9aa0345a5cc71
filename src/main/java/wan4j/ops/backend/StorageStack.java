package wan4j.ops.backend;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongFunction;
import wan4j.ops.Scope;
import wan4j.tensor.Storage;

/// A stack of memory in a few big chunks: opening a scope notes how high it is, closing it goes
/// back, and the same forward finds its tensors at the same addresses again. What may be read
/// wrongly after its scope is handed to `poison` first, where assertions are on.
public final class StorageStack {
  private final long smallestChunk;
  private final long largestChunk;
  private final LongFunction<Storage> allocate;
  private final Consumer<Storage> poison;
  private final List<Storage> chunks = new ArrayList<>();
  private final Deque<Mark> marks = new ArrayDeque<>();
  private int chunk = -1;
  private long offset;
  private long height;
  private long most;

  /// Creates a stack whose chunks double from `smallestChunk` to `largestChunk` bytes, and are
  /// larger where one piece is.
  public StorageStack(
      long smallestChunk,
      long largestChunk,
      LongFunction<Storage> allocate,
      Consumer<Storage> poison) {
    this.smallestChunk = smallestChunk;
    this.largestChunk = largestChunk;
    this.allocate = allocate;
    this.poison = poison;
  }

  /// Returns where the next piece would lie; equal positions of the same chunks are the same place.
  public Object position() {
    return List.of((long) chunk, offset);
  }

  /// Opens a scope; throws `IllegalStateException` on close when an inner one is still open.
  public Scope scope() {
    Mark mark = new Mark(chunk, offset, height);
    marks.push(mark);
    return () -> release(mark);
  }

  /// Takes a range of bytes in the innermost scope; what `allocate` throws leaves the stack as it
  /// was.
  public Storage take(long bytes) {
    if (chunk < 0 || offset + bytes > chunks.get(chunk).bytes()) {
      chunk = nextChunk(bytes);
      offset = 0;
    }
    Storage taken = chunks.get(chunk).slice(offset, bytes);
    offset += bytes;
    height += bytes;
    most = Math.max(most, height);
    return taken;
  }

  /// Returns the largest number of bytes that were taken at once since this was asked last.
  public long most() {
    long result = most;
    most = height;
    return result;
  }

  /// Returns the bytes that are taken.
  public long height() {
    return height;
  }

  /// Returns the bytes of all chunks.
  public long bytes() {
    return chunks.stream().mapToLong(Storage::bytes).sum();
  }

  /// Makes one chunk of at least `bytes` and at most `most` bytes the whole of the stack, unless
  /// something is taken: the one that is there, or else one of `bytes`, for which what was there
  /// goes to `give` first.
  public void reserve(long bytes, long most, Consumer<Storage> give) {
    boolean isSo =
        chunks.size() == 1
            && chunks.getFirst().bytes() >= bytes
            && chunks.getFirst().bytes() <= most;
    if (height == 0 && !isSo) {
      clear(give);
      chunks.add(allocate.apply(bytes));
    }
  }

  /// Hands all chunks to `give`; nothing that was taken may be used after.
  public void clear(Consumer<Storage> give) {
    chunks.forEach(give);
    chunks.clear();
    chunk = -1;
    offset = 0;
    height = 0;
  }

  private int nextChunk(long bytes) {
    int next = chunk + 1;
    for (int i = next; i < chunks.size(); i++) {
      if (chunks.get(i).bytes() >= bytes) {
        chunks.add(next, chunks.remove(i));
        return next;
      }
    }
    long grown = Math.min(smallestChunk << Math.min(chunks.size(), 10), largestChunk);
    chunks.add(next, allocate.apply(Math.max(grown, bytes)));
    return next;
  }

  private void release(Mark mark) {
    if (marks.peek() != mark) {
      throw new IllegalStateException(
          "a scope was closed before one that was opened after it, or twice; close in reverse"
              + " order");
    }
    marks.pop();
    assert poisonAbove(mark);
    chunk = mark.chunk;
    offset = mark.offset;
    height = mark.height;
  }

  private boolean poisonAbove(Mark mark) {
    for (int i = Math.max(mark.chunk, 0); i <= chunk; i++) {
      Storage dying = chunks.get(i);
      long from = i == mark.chunk ? mark.offset : 0;
      long to = i == chunk ? offset : dying.bytes();
      if (to > from) {
        poison.accept(dying.slice(from, to - from));
      }
    }
    return true;
  }

  /// How high the stack was; each is itself alone.
  private static final class Mark {
    private final int chunk;
    private final long offset;
    private final long height;

    Mark(int chunk, long offset, long height) {
      this.chunk = chunk;
      this.offset = offset;
      this.height = height;
    }
  }
}
