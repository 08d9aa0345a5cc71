package wan4j.text;

/// A tokenised prompt: token ids padded with 0, a mask that is 1 on the first `length` of them, and
/// how many tokens were cut off at its end.
@SuppressWarnings("ArrayRecordComponent") // made once, read by the text encoder, never compared
public record TokenIds(int[] ids, int[] mask, int length, int cut) {}
