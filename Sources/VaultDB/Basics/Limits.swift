/// Bounds on everything that comes from outside. The unit stands last.
public enum Limits {
    /// Of a display name or alias, in UTF-8.
    public static let nameBytesMax = 256
    /// Of a source, such as `public_booking`.
    public static let sourceBytesMax = 64
    /// Of an actor, such as a user's or a program's name.
    public static let actorBytesMax = 64
    /// Of an external id's namespace.
    public static let namespaceBytesMax = 32
    /// Of an external id's value.
    public static let externalBytesMax = 255
    /// External ids in one call.
    public static let externalsPerCallMax = 100
    /// Identifiers of one identity; further ones are left out with a warning.
    public static let identifiersPerIdentityMax = 1_000
    /// Aliases of one identity; further ones are not kept.
    public static let aliasesMax = 32
    /// Of an idempotency key.
    public static let idempotencyKeyBytesMax = 255
    /// Of a key that is typed to look at an entry; no stored one is longer.
    public static let typedKeyBytesMax = 324
    /// How long the answer to an idempotency key is kept at least.
    public static let idempotencyDays = 7
    /// Of a record's kind.
    public static let kindBytesMax = 32
    /// Of a record's id.
    public static let recordIDBytesMax = 200
    /// Of each text field of a record.
    public static let fieldBytesMax = 1_024
    /// Of a record's attributes, as JSON text.
    public static let attributesBytesMax = 16 << 10
    /// Words of an identity's names by which it is found; further ones are left out.
    public static let nameTokensMax = 64
    /// Of such a word, folded, in UTF-8; it is cut there.
    public static let nameTokenBytesMax = 64
    /// Of all such words of an identity, with the spaces between them.
    public static let nameTokensBytesMax = 1_024
    /// Of the text of a search.
    public static let searchTextBytesMax = 256
    /// Words of a search.
    public static let searchWordsMax = 8
    /// People that one search lists.
    public static let searchLimitMax = 1_000
    /// Entries that a search looks at where it has found enough people.
    public static let searchEntriesSoftMax = 2_048
    /// Entries that a search looks at whatever it has found.
    public static let searchEntriesHardMax = 262_144
    /// Records on one page of a list.
    public static let recordsPerPageMax = 10_000
    /// Writes waiting for the writer; beyond it callers get `busy`.
    public static let writesPendingMax = 65_536
    /// Writes that share one commit.
    public static let writesPerCommitMax = 4_096
    /// Organizations whose numbers are kept in memory; others are read anew.
    public static let organizationsRememberedMax = 65_536
    /// Entries that one page of a walk looks at.
    public static let scanEntriesMax = 10_000
    /// Rows that one transaction of an import holds.
    public static let importBatchRowsMax = 200_000
    /// Fields of a public form.
    public static let formFieldsMax = 200
    /// Of the name of a form's field.
    public static let formFieldNameBytesMax = 200
    /// Of all values of a form together.
    public static let formBytesMax = 16 << 10
}
