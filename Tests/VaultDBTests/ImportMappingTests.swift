// The promises of the column mapping: which column means what, and what it says when it cannot tell.

import Testing

@testable import VaultDB

@Suite("Column mapping") struct ImportMappingTests {
    @Test(
        "knows the usual names in English and Spanish, however they are spelled",
        arguments: [
            (.id, ["id", "ID", "Record ID", "record_id", "codigo", "Código", "identificador"]),
            (.name, ["name", "full_name", "Full Name", "nombre_completo", "Nombre completo"]),
            (.firstName, ["first_name", "First Name", "firstName", "given-name", "nombre", "NOMBRES"]),
            (.lastName, ["last_name", "surname", "family_name", "apellido", "Apellidos"]),
            (.email, ["email", "E-Mail", "mail", "correo", "Correo electrónico", "email_address", " EMAIL "]),
            (
                .phone,
                [
                    "phone", "tel", "Tel.", "teléfono", "TELÉFONO", "móvil", "mobile", "celular", "whatsapp",
                    "phone_number",
                ]
            ),
            (.source, ["source", "origen", "fuente", "canal", "utm_source"]),
            (.status, ["status", "estado"]),
            (.createdAt, ["created_at", "created", "Date", "fecha", "fecha creación", "fecha_alta", "timestamp"]),
        ] as [(ImportField, [String])])
    func usualNames(field: ImportField, names: [String]) {
        for name in names { #expect(ImportField(columnName: name) == field, "\(name)") }
    }

    @Test("does not guess", arguments: ["", "notes", "email2", "phone_2", "idx", "#", "correos", "🙂"])
    func unknownNames(name: String) {
        #expect(ImportField(columnName: name) == nil)
    }

    private func row(_ text: String, map: String? = nil) throws -> ImportRow {
        let mapping = if let map { try ColumnMapping(parsing: map) } else { ColumnMapping() }
        return try #require(try importItems(text, mapping: mapping).first?.row)
    }

    @Test("a further column of a field, and every other column, becomes an attribute")
    func attributes() throws {
        let row = try row("id,email,correo,Notas,vacía\n1,a@x.es,b@x.es,\"dice \"\"sí\"\"\",\n")
        #expect(row.email == "a@x.es")
        #expect(
            row.attributes == [
                ImportRow.Attribute(name: "correo", json: "\"b@x.es\""),
                ImportRow.Attribute(name: "Notas", json: #""dice \"sí\"""#),
            ])
    }

    @Test("an attribute keeps the white space at its ends, and is left out where it has nothing else")
    func whiteSpaceOfAttributes() throws {
        let row = try row("id,a,b,c\n1,\" sp \", x\t,\"  \"\n")
        #expect(row.attributes.map(\.json) == [#"" sp ""#, #"" x\t""#])
    }

    @Test("an explicit mapping wins over the usual names")
    func explicit() throws {
        let row = try row("id,email,Correo 2\n1,a@x.es,b@x.es", map: "email=correo_2, id = ID")
        #expect(row.email == "b@x.es")
        #expect(row.attributes.map(\.name) == ["email"])
        #expect(row.id == "1")
    }

    @Test("of two columns that differ in case alone, a mapping takes the one it spells")
    func exactName() throws {
        #expect(try row("id,Mail,MAIL\n1,a,b", map: "email=MAIL").email == "b")
    }

    @Test(
        "of a JSON object's keys that a mapping may mean, it takes the one it spells, wherever that stands",
        arguments: [
            (#"{"id":"77","_id":"m-2"}"#, "m-2", ["id"]), (#"{"_id":"m-2","id":"77"}"#, "m-2", ["id"]),
            (#"{"Id":"77","x":{"_id":1},"_id":"m-2","ID":"78"}"#, "m-2", ["Id", "x", "ID"]),
            (#"{"ID":"77"}"#, "77", []), (#"{"id":"77","ID":"78"}"#, "77", ["ID"]),
        ] as [(String, String, [String])])
    func exactKey(line: String, id: String, attributes: [String]) throws {
        let row = try row(line, map: "id=_id")
        #expect(row.id == id)
        #expect(row.attributes.map(\.name) == attributes)
    }

    @Test("a key that a mapping spells keeps others from standing for it, also without a value")
    func exactKeyWithoutValue() throws {
        let mapping = try ColumnMapping(parsing: "id=_id")
        let items = try importItems(#"{"id":"77","_id":null}"#, mapping: mapping)
        #expect(items.first?.fault?.code == .missingID)
        #expect(try row(#"{"id":1,"NO":"7","No":"8"}"#, map: "external:crm=No").externals == ["crm:8"])
    }

    @Test("a key that stands for two filled fields is one attribute")
    func keyOfTwoFields() throws {
        let row = try row(
            #"{"id":1,"CONTACT":"q@b.com","Contact":"600123456"}"#, map: "email=contact,phone=contact")
        #expect(row.email == "q@b.com" && row.phone == "q@b.com")
        #expect(row.attributes == [ImportRow.Attribute(name: "Contact", json: #""600123456""#)])
    }

    @Test("a mapped column of external identifiers leaves the usual one as it is, in either format")
    func externalsBesideUsual() throws {
        for text in ["id,external,other\n1,stripe:1,ig:ana", #"{"id":1,"external":"stripe:1","other":"ig:ana"}"#] {
            #expect(try row(text, map: "external=other").externals == ["stripe:1", "ig:ana"])
        }
    }

    @Test("what is blank has no value, in either format")
    func blank() throws {
        let csv = try row("id,name,first_name,email,created_at,note\n1,Ana Ruiz,  ,e@b.com, ,\u{A0}")
        #expect(csv.name == "Ana Ruiz" && csv.firstName == nil && csv.createdAt == nil && csv.attributes.isEmpty)
        let json = try row("{\"id\":1,\"email\":\" \\t\u{A0}\",\"correo\":\"z@b.com\"}")
        #expect(json.email == "z@b.com" && json.attributes.isEmpty)
    }

    @Test("a column may feed several fields")
    func severalTargets() throws {
        let row = try row("email\na@x.es", map: "id=email,email=email,external:crm=email")
        #expect(row.id == "a@x.es")
        #expect(row.email == "a@x.es")
        #expect(row.externals == ["crm:a@x.es"])
    }

    @Test("external identifiers come with their own namespace, or with the mapping's")
    func externals() throws {
        let row = try row(
            "id,external,customer_id,handle,empty\n1,wa:34600,cus_1,ana,",
            map: "external:stripe=customer_id,external:instagram=handle,external:x=empty")
        #expect(row.externals == ["wa:34600", "stripe:cus_1", "instagram:ana"])
    }

    @Test(
        "a mapping that makes no sense is refused in one line that names the fields",
        arguments: [
            "", ",", "id", "id=", "=x", "colour=x", "external:=x", "external:a b=x", "id=a,id=b",
            "external:a=b,external:a=c",
        ])
    func badMappings(text: String) throws {
        let error = try #require(throws: ImportError.self) { try ColumnMapping(parsing: text) }
        #expect(error.code == .badMapping)
        #expect(error.description.contains("first_name"))
        #expect(!error.description.contains { $0.isNewline })
    }

    @Test("a mapped column that is missing is named, with those that are there")
    func unknownColumn() throws {
        let error = importError(Array("id,mail\n".utf8), mapping: try ColumnMapping(parsing: "phone=cell\u{1B}[2J"))
        #expect(error?.code == .unknownColumn)
        #expect(error?.description == "no column 'cell\u{FFFD}[2J'; the columns are id, mail")
    }

    @Test("a file without an id column names its columns and the way out")
    func noIDColumn() {
        let error = importError(Array("nombre,correo\nAna,a@x.es".utf8))
        #expect(error?.code == .noIDColumn)
        #expect(
            error?.description == "no id column among nombre, correo; name the one that is, as in --map id=COLUMN")
    }

    @Test("a header of many columns does not make a long message")
    func manyColumns() throws {
        let header = (1...900).map { "column\($0)" }.joined(separator: ",")
        #expect(try #require(importError(Array(header.utf8))).description.count < 400)
    }

    @Test("names are one where their bytes are, in either format")
    func namesByBytes() throws {
        for text in ["id,\u{E9},e\u{301}\n1,x,y", "{\"id\":1,\"\u{E9}\":\"x\",\"e\u{301}\":\"y\"}"] {
            #expect(try row(text).attributes.map(\.json) == ["\"x\"", "\"y\""])
        }
    }

    @Test("a name that is too long to be folded is meant only where it is spelled")
    func longNames() throws {
        let long = String(repeating: "n", count: 2_000)
        #expect(try row("id,\(long)\n1,a@x.es", map: "email=\(long)").email == "a@x.es")
        let mapping = try ColumnMapping(parsing: "email=\(long)")
        #expect(importError(Array("id,\(long)x\n1,a@x.es".utf8), mapping: mapping)?.code == .unknownColumn)
    }

    @Test("a column without a name is called by its number")
    func namelessColumn() throws {
        #expect(try row("id,,\n1,x,y").attributes.map(\.name) == ["column_2", "column_3"])
    }
}
