/// What a vault holds of everybody, as tables in a schema of their own: identities, imported records, the trail, and the
/// index of names. Nothing else is measured with them.
extension PostgresPeer {
    /// The identities that were loaded together have the time of that load, and everybody else a later one.
    private static let loaded = "(SELECT min(created_at) FROM public.identities)"

    /// As a bulk load should be done: first the rows, then the indexes.
    private static let whole = """
        CREATE SCHEMA whole;
        CREATE TABLE whole.identities (LIKE public.identities INCLUDING DEFAULTS);
        INSERT INTO whole.identities SELECT * FROM public.identities WHERE created_at = \(loaded);
        CREATE TABLE whole.leads (
            id text NOT NULL, identity uuid NOT NULL, first_name text, last_name text, email text, phone text,
            source text, status text, created_at timestamptz NOT NULL DEFAULT now());
        INSERT INTO whole.leads
            SELECT 'row-' || md5(id::text), id, split_part(name, ' ', 1), split_part(name, ' ', 2), email, phone, 'web',
                'NEW'
            FROM whole.identities;
        CREATE TABLE whole.events (
            sequence bigserial, at timestamptz NOT NULL DEFAULT now(), identity uuid NOT NULL, action smallint NOT NULL,
            kind text, record text, source text, hash bytea NOT NULL);
        INSERT INTO whole.events (identity, action, source, hash)
            SELECT id, 1, 'web', sha256(id::text::bytea) FROM whole.identities;
        INSERT INTO whole.events (identity, action, kind, record, source, hash)
            SELECT identity, 2, 'lead', id, 'web', sha256(id::bytea) FROM whole.leads;
        ALTER TABLE whole.identities ADD PRIMARY KEY (id);
        CREATE UNIQUE INDEX ON whole.identities (email);
        CREATE UNIQUE INDEX ON whole.identities (phone);
        CREATE INDEX ON whole.identities (lower(split_part(name, ' ', 1)) text_pattern_ops);
        CREATE INDEX ON whole.identities (lower(split_part(name, ' ', 2)) text_pattern_ops);
        ALTER TABLE whole.leads ADD PRIMARY KEY (id);
        CREATE INDEX ON whole.leads (identity, created_at);
        ALTER TABLE whole.events ADD PRIMARY KEY (sequence);
        CREATE INDEX ON whole.events (identity, sequence)
        """

    /// A newcomer is an identity and an event: nobody has imported a record of him.
    private static let newcomers = """
        INSERT INTO whole.identities SELECT * FROM public.identities WHERE created_at > \(loaded);
        INSERT INTO whole.events (identity, action, source, hash)
            SELECT id, 1, 'web', sha256(id::text::bytea) FROM public.identities WHERE created_at > \(loaded)
        """

    /// Loads those tables in bulk.
    /// - Returns: how long it took, and the bytes of all of it.
    func loadWhole() throws -> (seconds: Double, bytes: Int) {
        let nanoseconds = try nanosecondsEach(1) { _ = try run(Self.whole) }
        return (nanoseconds / 1e9, try wholeBytes)
    }

    /// Adds the newcomers to what was loaded.
    /// - Returns: the bytes of all of it.
    func addNewcomersToWhole() throws -> Int {
        try run(Self.newcomers)
        return try wholeBytes
    }

    private var wholeBytes: Int {
        get throws {
            let sum = "SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class"
            return Int(try run("\(sum) WHERE relnamespace = 'whole'::regnamespace AND relkind = 'r'")) ?? 0
        }
    }
}
