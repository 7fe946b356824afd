extension NameSearchResult {
    public var json: JSONValue {
        ["results": .array(matches.map(\.json)), "is_complete": .bool(isComplete)]
    }
}
