package wan4j.ops;

/// How the rows of one tensor compare with those of another: mean and standard deviation of the
/// ratio of their lengths, and mean cosine distance.
public record RowStatistics(double meanRatio, double ratioDeviation, double cosineDistance) {}
