import ArgumentParser

/// Options with one value that are given twice: the parser takes the last, and says nothing of the others.
enum RepeatedOptions {
    /// - Parameters:
    ///   - arguments: all words of the command line, which the parser has accepted.
    ///   - command: what it made of them.
    static func refuse(_ arguments: [String], of command: any ParsableCommand) throws(Failure) {
        let single = singleNames(in: command)
        var seen: Set<String> = []
        for argument in arguments.prefix(while: { $0 != "--" }) where argument.hasPrefix("-") {
            let word = String(argument.prefix { $0 != "=" })
            let name = folded(word == "-o" ? "--output" : word)
            guard single.contains(name), !seen.insert(name).inserted else { continue }
            throw Failure(.wrongUsage, "\(word) is given twice", advice: "give it once")
        }
    }

    /// The folded names of options that have one value: properties of the command and of its groups of options.
    private static func singleNames(in arguments: any ParsableArguments) -> Set<String> {
        var names: Set<String> = []
        for child in Mirror(reflecting: arguments).children {
            if let group = child.value as? any OptionHolder {
                names.formUnion(singleNames(in: group.held))
            } else if let option = child.value as? any ValuedOption, let label = child.label {
                if !type(of: option).repeats { names.insert(folded(label)) }
            }
        }
        return names
    }

    /// `--tls-key` and the property `_tlsKey` behind it are one name.
    private static func folded(_ name: String) -> String {
        name.filter { $0 != "-" && $0 != "_" }.lowercased()
    }
}

private protocol ValuedOption {
    static var repeats: Bool { get }
}

extension Option: ValuedOption {
    fileprivate static var repeats: Bool { Value.self is any ListOfValues.Type }
}

private protocol ListOfValues {}

extension Array: ListOfValues {}

private protocol OptionHolder {
    var held: any ParsableArguments { get }
}

extension OptionGroup: OptionHolder {
    fileprivate var held: any ParsableArguments { wrappedValue }
}
