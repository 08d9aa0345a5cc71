package wan4j.cpu;

import static wan4j.cpu.Floats.get;
import static wan4j.cpu.Floats.set;

import java.lang.foreign.MemorySegment;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Rearrangements of channels-last features: for each element of the result, the source of its
/// value. `Spread` distributes the rows of the result over processors.
final class Rearrangements {
  private Rearrangements() {}

  /// A way to go over rows of work, one after the other or on many processors.
  interface Spread {
    /// One after the other.
    Spread SERIAL = (rows, _, task) -> task.run(0, rows);

    /// Runs the task over all rows, of `columns` elements each.
    void rows(long rows, long columns, Workers.Rows task);
  }

  /// `[channels, frames, height, width]` to features, each channel scaled and shifted.
  static void channelsLast(Tensor x, Tensor factor, Tensor offset, Tensor target, Spread spread) {
    Source source = Source.of(x);
    MemorySegment factors = factor.segment();
    MemorySegment offsets = offset.segment();
    fill(
        target,
        spread,
        (frame, row, column, channel) ->
            source.at(channel, frame, row, column) * get(factors, channel) + get(offsets, channel));
  }

  /// Features to `[channels, frames, height, width]`, each channel scaled and shifted.
  static void channelsFirst(
      Tensor features, Tensor factor, Tensor offset, Tensor target, Spread spread) {
    Source source = Source.of(features);
    MemorySegment factors = factor.segment();
    MemorySegment offsets = offset.segment();
    fill(
        target,
        spread,
        (channel, frame, row, column) ->
            source.at(frame, row, column, channel) * get(factors, channel) + get(offsets, channel));
  }

  /// Some columns of `[a, b, c]` to some of `[b, a, d]`, of any type.
  static void swap(Tensor x, int first, Tensor target, int at, int count) {
    MemorySegment from = x.segment();
    MemorySegment to = target.segment();
    long rows = x.shape().size(0);
    long columns = x.shape().size(1);
    long element = x.dtype().bytes();
    long width = x.shape().size(2);
    long targetWidth = target.shape().size(2);
    for (long row = 0; row < rows; row++) {
      for (long column = 0; column < columns; column++) {
        MemorySegment.copy(
            from,
            ((row * columns + column) * width + first) * element,
            to,
            ((column * rows + row) * targetWidth + at) * element,
            count * element);
      }
    }
  }

  /// Each pixel 2 x 2 times.
  static void upsample(Tensor x, Tensor target, Spread spread) {
    Source source = Source.of(x);
    fill(
        target,
        spread,
        (frame, row, column, channel) -> source.at(frame, row / 2, column / 2, channel));
  }

  /// Two frames out of the two halves of the channels.
  static void unfoldFrames(Tensor x, Tensor target, Spread spread) {
    long half = target.shape().size(3);
    Source source = Source.of(x);
    fill(
        target,
        spread,
        (frame, row, column, channel) ->
            source.at(frame / 2, row, column, frame % 2 * half + channel));
  }

  /// 2 x 2 pixels into channels: channel, width offset, height offset.
  static void foldPixels(Tensor x, Tensor target, Spread spread) {
    Source source = Source.of(x);
    fill(
        target,
        spread,
        (frame, row, column, channel) ->
            source.at(frame, 2 * row + channel % 2, 2 * column + channel / 2 % 2, channel / 4));
  }

  /// Channels back into 2 x 2 pixels.
  static void unfoldPixels(Tensor x, Tensor target, Spread spread) {
    Source source = Source.of(x);
    fill(
        target,
        spread,
        (frame, row, column, channel) ->
            source.at(frame, row / 2, column / 2, channel * 4 + column % 2 * 2 + row % 2));
  }

  /// Means over groups of neighbours and channels, ordered channel, time, height, width.
  static void averageDown(Tensor x, int time, int space, Tensor target, Spread spread) {
    long missing = target.shape().size(0) * time - x.shape().size(0);
    long neighbours = (long) time * space * space;
    long group = x.shape().size(3) * neighbours / target.shape().size(3);
    Source source = Source.of(x);
    fill(
        target,
        spread,
        (frame, row, column, channel) -> {
          double sum = 0;
          for (long i = channel * group; i < (channel + 1) * group; i++) {
            long t = frame * time + i / ((long) space * space) % time - missing;
            long y = row * space + i / space % space;
            long z = column * space + i % space;
            sum += t < 0 ? 0 : source.at(t, y, z, i / neighbours);
          }
          return sum / group;
        });
  }

  /// Repeated channels spread over neighbours, ordered channel, time, height, width.
  static void duplicateUp(Tensor x, int time, int space, int skip, Tensor target, Spread spread) {
    long neighbours = (long) time * space * space;
    long repeats = target.shape().size(3) * neighbours / x.shape().size(3);
    Source source = Source.of(x);
    fill(
        target,
        spread,
        (frame, row, column, channel) -> {
          long t = frame + skip;
          long offset = (t % time * space + row % space) * space + column % space;
          long from = (channel * neighbours + offset) / repeats;
          return source.at(t / time, row / space, column / space, from);
        });
  }

  /// The value of one place of the result, by its four coordinates.
  private interface Element {
    double of(long first, long second, long third, long fourth);
  }

  /// Four-dimensional values to read from.
  private record Source(MemorySegment segment, long second, long third, long fourth) {
    static Source of(Tensor x) {
      Shape shape = x.shape();
      return new Source(x.segment(), shape.size(1), shape.size(2), shape.size(3));
    }

    double at(long i, long j, long k, long l) {
      return get(segment, ((i * second + j) * third + k) * fourth + l);
    }
  }

  private static void fill(Tensor target, Spread spread, Element element) {
    Shape shape = target.shape();
    MemorySegment out = target.segment();
    long rows = shape.size(1);
    long columns = shape.size(2);
    long depth = shape.size(3);
    spread.rows(
        shape.size(0) * rows,
        columns * depth,
        (first, end) -> {
          for (long row = first; row < end; row++) {
            long place = row * columns * depth;
            for (long column = 0; column < columns; column++) {
              for (long i = 0; i < depth; i++) {
                set(out, place++, element.of(row / rows, row % rows, column, i));
              }
            }
          }
        });
  }
}
