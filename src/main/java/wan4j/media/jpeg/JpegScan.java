package wan4j.media.jpeg;

import java.util.Arrays;
import java.util.List;
import wan4j.media.picture.PictureLimits;

/// Reads one scan of a JPEG file, sequential or progressive, into its components' coefficients
/// (ISO/IEC 10918-1, annexes F and G).
final class JpegScan {
  /// Where each coefficient of a file's zigzag order lies in its block of rows.
  static final int[] ORDER = {
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63
  };

  private final JpegEntropy entropy;
  private final List<JpegComponent> components;
  private final boolean progressive;
  private final int first;
  private final int last;
  private final boolean refining;
  private final int low;
  private int endOfBand;

  /// Describes a scan of the coefficients `first` to `last`, whose bits below `low` come later and
  /// of which the bits above are there already if it is refining.
  JpegScan(
      JpegEntropy entropy,
      List<JpegComponent> components,
      boolean progressive,
      int first,
      int last,
      int high,
      int low) {
    this.entropy = entropy;
    this.components = components;
    this.progressive = progressive;
    this.first = progressive ? first : 0;
    this.last = progressive ? last : 63;
    this.refining = progressive && high > 0;
    this.low = progressive ? low : 0;
    boolean fits = this.first <= this.last && this.last <= 63 && this.low <= 13;
    if (!fits
        || (progressive && first == 0 && last != 0)
        || (progressive && first > 0 && components.size() != 1)
        || (refining && low != high - 1)) {
      throw new JpegException("a scan asks for coefficients that it cannot have");
    }
  }

  /// Returns how many coefficients the scan visits, its blocks counted as some.
  long visits() {
    long blocks = 0;
    for (JpegComponent component : components) {
      blocks += component.blocks();
    }
    return blocks * (last - first + 1 + PictureLimits.BLOCK_COST);
  }

  /// Reads all blocks of the scan, with a restart after every `interval` units if that is not 0.
  void read(JpegComponent.JpegSize size, int interval) {
    for (JpegComponent component : components) {
      Arrays.fill(component.missingBits, first, last + 1, low);
    }
    JpegComponent only = components.getFirst();
    boolean single = components.size() == 1;
    int across = single ? only.blocksAcross : size.unitsAcross();
    int down = single ? only.blocksDown : size.unitsDown();
    int left = interval;
    for (int y = 0; y < down; y++) {
      for (int x = 0; x < across; x++) {
        if (interval > 0 && left-- == 0) {
          restart();
          left = interval - 1;
        }
        if (single) {
          block(only, only.block(x, y));
        } else {
          unit(x, y);
        }
      }
      if (entropy.isOverrun()) {
        throw new JpegException("it holds fewer pixels than its header says");
      }
    }
  }

  private void unit(int x, int y) {
    for (JpegComponent component : components) {
      for (int v = 0; v < component.vertical; v++) {
        for (int u = 0; u < component.horizontal; u++) {
          block(
              component, component.block(x * component.horizontal + u, y * component.vertical + v));
        }
      }
    }
  }

  private void restart() {
    if (entropy.isOverrun()) {
      throw new JpegException("it holds fewer pixels than its header says");
    }
    entropy.restart();
    endOfBand = 0;
    for (JpegComponent component : components) {
      component.predictor = 0;
    }
  }

  private void block(JpegComponent component, int at) {
    short[] values = component.coefficients;
    if (!progressive) {
      direct(component, at);
      sequential(component, at);
    } else if (first == 0) {
      if (refining) {
        values[at] |= (short) (entropy.bits(1) << low);
      } else {
        direct(component, at);
      }
    } else if (refining) {
      refine(component, at);
    } else {
      band(component, at);
    }
  }

  private void direct(JpegComponent component, int at) {
    int length = entropy.symbol(needed(component.direct));
    if (length > 15) {
      throw new JpegException("its compressed pixels are damaged");
    }
    component.predictor += entropy.signed(length);
    component.coefficients[at] = (short) (component.predictor << low);
  }

  private void sequential(JpegComponent component, int at) {
    JpegEntropy.Table table = needed(component.alternating);
    for (int k = 1; k < 64; k++) {
      int symbol = entropy.symbol(table);
      int length = symbol & 15;
      if (length == 0) {
        if (symbol != 0xF0) {
          return;
        }
        k += 15;
        continue;
      }
      k += symbol >> 4;
      component.coefficients[at + ORDER[checked(k)]] = (short) entropy.signed(length);
    }
  }

  private void band(JpegComponent component, int at) {
    if (endOfBand > 0) {
      endOfBand--;
      return;
    }
    JpegEntropy.Table table = needed(component.alternating);
    for (int k = first; k <= last; k++) {
      int symbol = entropy.symbol(table);
      int run = symbol >> 4;
      int length = symbol & 15;
      if (length == 0) {
        if (run < 15) {
          endOfBand = (1 << run) - 1 + entropy.bits(run);
          return;
        }
        k += 15;
        continue;
      }
      k += run;
      component.coefficients[at + ORDER[checked(k)]] = (short) (entropy.signed(length) << low);
    }
  }

  private void refine(JpegComponent component, int at) {
    short[] values = component.coefficients;
    int k = first;
    if (endOfBand == 0) {
      JpegEntropy.Table table = needed(component.alternating);
      while (k <= last) {
        int symbol = entropy.symbol(table);
        int run = symbol >> 4;
        int fresh = 0;
        if ((symbol & 15) != 0) {
          fresh = entropy.bit() ? 1 << low : -1 << low;
        } else if (run < 15) {
          endOfBand = (1 << run) + entropy.bits(run);
          break;
        }
        // Pass `run` coefficients that are still zero; the others get their next bit on the way.
        while (k <= last) {
          int index = at + ORDER[k];
          if (values[index] != 0) {
            correct(values, index);
          } else if (run-- == 0) {
            values[index] = (short) fresh;
            k++;
            break;
          }
          k++;
        }
      }
    }
    if (endOfBand > 0) {
      for (; k <= last; k++) {
        int index = at + ORDER[k];
        if (values[index] != 0) {
          correct(values, index);
        }
      }
      endOfBand--;
    }
  }

  private void correct(short[] values, int index) {
    int bit = 1 << low;
    if (entropy.bit() && (values[index] & bit) == 0) {
      values[index] += (short) (values[index] >= 0 ? bit : -bit);
    }
  }

  private static int checked(int k) {
    if (k > 63) {
      throw new JpegException("its compressed pixels are damaged");
    }
    return k;
  }

  /// Returns a table; throws `JpegException` when it is missing.
  static JpegEntropy.Table needed(JpegEntropy.Table table) {
    if (table == null) {
      throw new JpegException("a code table is missing");
    }
    return table;
  }
}
