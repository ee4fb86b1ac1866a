use millchat::CONTENT_BYTES_MAX;
use rustix::time::{ClockId, clock_gettime};

use super::writer::{DEPTH_MAX, ELEMENTS_MAX, LINKS_MAX};
use super::*;

mod replay;

fn shown(content: &str) -> String {
    let rendered = formatted(content);
    let html = rendered.markup.0.clone();
    assert!(!rendered.as_typed || text_of(&html) == content, "{content:?} {html}");
    replay::replay(content, &html).unwrap_or_else(|why| panic!("{why}: {content:?} {html}"));
    html
}

#[test]
fn lines_that_could_be_of_a_block_or_behind_it_are_shown() {
    for content in [
        "- a\n- b\n  ",
        "a\n- **\n- ```\n  ",
        "- a\n- ```\n  \n",
        "a\n- [\n- **\n  \n> ",
        "- **\n- > *\n> \n",
        "> [*\n> ](http://x.io)",
    ] {
        shown(content);
    }
}

/// The rest of the markup for somebody who sees no elements.
fn text_of(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        rest = after.split_once('>').expect("an element is whole").1;
    }
    text.push_str(rest);
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

/// Of a table of `docs/page.md`, the texts and what people see of them, as HTML.
fn table() -> Vec<(String, String)> {
    let page = include_str!("../../../../../docs/page.md");
    let (_, texts) = page.split_once("````text\n").expect("the table begins");
    let (texts, _) = texts.split_once("\n````").expect("the table ends");
    let escaped = |text: &str| maud::html! { (text) }.into_string();
    let row = |line: &str| {
        let (typed, seen) = line.split_once(" ⇒ ").expect("a row has two sides");
        let seen = if seen == "=" { escaped(typed) } else { seen.to_owned() };
        (typed.replace('⏎', "\n"), seen.replace('⏎', "\n"))
    };
    texts.lines().map(row).collect()
}

#[test]
fn people_see_what_the_table_says() {
    const RELATION: &str = " target=\"_blank\" rel=\"noopener noreferrer nofollow\"";
    let table = table();
    assert!(table.len() >= 50, "{}", table.len());
    let wrong: Vec<_> = table
        .iter()
        .map(|(typed, seen)| (typed, seen, shown(typed).replace(RELATION, "")))
        .filter(|(_, seen, shown)| *seen != shown)
        .map(|(typed, seen, shown)| format!("typed {typed:?}\nmeant {seen:?}\nshown {shown:?}\n"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_formatted_is_shown_so() {
    for (content, html) in [
        ("**太字**Text Text**太字**", "<strong>太字</strong>Text Text<strong>太字</strong>"),
        ("**a *b* c** *a **b***", "<strong>a <em>b</em> c</strong> <em>a <strong>b</strong></em>"),
        ("***a* b** ***c** d*", "<strong><em>a</em> b</strong> <em><strong>c</strong> d</em>"),
        ("**Datei**-Menü **🎉**", "<strong>Datei</strong>-Menü <strong>🎉</strong>"),
        ("Note:**x** →**y**= (**z**)", "Note:<strong>x</strong> →<strong>y</strong>= (<strong>z</strong>)"),
        ("**太字。**Text Text**「太字」**", "<strong>太字。</strong>Text Text<strong>「太字」</strong>"),
        ("*two\nlines*", "<em>two\nlines</em>"),
        ("*foo \\*bar* \\*a*", "<em>foo *bar</em> *a*"),
        ("`` a`b `` ` c `", "<code>a`b</code> <code>c</code>"),
        ("look: ```fn a()``` there", "look: <code>fn a()</code> there"),
        ("\\```\n\n- a\n\\```", "```\n\n- a\n```"),
        ("```fn a() {\n}```", "<pre><code>fn a() {\n}</code></pre>"),
        ("```a b\nc\n```", "<pre><code>a b\nc</code></pre>"),
        ("~~~\n```\n~~~", "<pre><code>```</code></pre>"),
        ("> a\n>\n> b\n\nanswer", "<blockquote>a\n\nb</blockquote>answer"),
        (">I think so\nno", "<blockquote>I think so</blockquote>no"),
        ("> > a\n> b\nc", "<blockquote><blockquote>a</blockquote>b</blockquote>c"),
        ("> 3 came\nno, four", "<blockquote>3 came</blockquote>no, four"),
        ("> - a\n> - b", "<blockquote><ul><li>a</li><li>b</li></ul></blockquote>"),
        ("- a\n  - b", "<ul><li>a<ul><li>b</li></ul></li></ul>"),
        ("- a\n  more\n- b\n\nend", "<ul><li>a\nmore</li><li>b</li></ul>end"),
        ("1. a\n\n2. b", "<ol start=\"1\"><li>a</li><li>b</li></ol>"),
        ("- a\n  ```\n  x\n    y\n  ```\n- b", "<ul><li>a<pre><code>x\n  y</code></pre></li><li>b</li></ul>"),
        ("\\> no\n\\- a\n\\- b\n1\\. c\n2\\. d", "&gt; no\n- a\n- b\n1. c\n2. d"),
        (
            "*a [b*](https://c.example/)",
            "*a <a href=\"https://c.example/\" target=\"_blank\" \
            rel=\"noopener noreferrer nofollow\">b*</a> <span class=\"host\">(c.example)</span>",
        ),
    ] {
        assert_eq!(shown(content), html, "{content:?}");
    }
}

#[test]
fn what_is_no_formatting_of_ours_stays_as_it_was_typed() {
    for content in [
        "a\n\n  b\n",
        "---",
        "![alt](ftp://x.example/y.png)",
        "[foo]: /url \"title\"\n\n[foo]",
        "<div>\n\nx\n</div>",
        "- ",
        "1.",
        "* * *\n* * *",
        "`",
        "\u{a0}x\u{3000}",
        "[x](javascript:alert(1)) [y](data:text/html,z) [z](/relative) [e]()",
        "line  \nwith two spaces",
        "a\\\\b \\x \\* \\_ \\` \\[ \\> \\",
        "\\- a",
        "- a",
        "* waves",
        "01. a\n02. b",
        "- a\n* b",
        "> 5 kg",
        ">>> import os",
        ">.< >_> <_< u_u ._. (_) '_' \"*\"",
        "char *a, *b; f(*args, **kwargs); a = *(p)*2",
        "(a)**(b) + (c)**(d)",
        "COUNT(*) and COUNT(*)",
        "-*- coding: utf-8 -*-",
        "写真_東京_2024.jpg",
        ".*foo.* and /foo*/",
        "(*_*)  (*^^*) (*・ω・*) (*≧▽≦)",
        "**** a ****",
        "** a ** and ~~ b ~~ and * c *",
        "x *= 2 and y *= 3",
        "*a\n\nb*",
        "`a\nb`",
        "look: ```fn a()\n}``` there",
        "\\```\nno end",
        "www. www.x ahttp://x wwww.x",
        "~/a ~/b a~~b~~c",
        "#1 and # 2",
        "5 * hotel* (*ours)",
    ] {
        let html = shown(content);
        assert_eq!(text_of(&html), content, "{html}");
        assert!(!html.contains('<'), "{html}");
    }
}

#[test]
fn a_link_ends_where_the_text_goes_on() {
    for (content, links) in [
        ("https://example.com/pathです", "https://example.com/path"),
        ("https://example.com/を見て", "https://example.com/"),
        ("https://example.com에서 봐", "https://example.com"),
        ("ดูที่https://example.comครับ", "https://example.com"),
        ("https://example.com。https://a.example！", "https://example.com https://a.example"),
        ("https://例え.jp/x", "https://例え.jp/x"),
        ("https://пример.рф/путь?a=б, и", "https://пример.рф/путь?a=б"),
        ("انظر https://example.com، ثم", "https://example.com"),
        (
            "\"https://example.com\" 'https://example.com' »https://example.com«",
            "https://example.com https://example.com https://example.com",
        ),
        (
            "https://example.com. https://example.com: https://example.com? (https://example.com)",
            "https://example.com https://example.com https://example.com https://example.com",
        ),
        (
            "https://example.com:8080/a http://[::1]:80/ http://localhost:1",
            "https://example.com:8080/a http://[::1]:80/ http://localhost:1",
        ),
        (
            "~~https://example.com/a~~ _https://example.com/b_ **https://example.com/c**です",
            "https://example.com/a https://example.com/b https://example.com/c",
        ),
        ("https://example.com/a_(b)_c[1]?x={y}&z#w", "https://example.com/a_(b)_c[1]?x={y}&z#w"),
        ("https://example.com/…", "https://example.com/"),
        ("WWW.Example.COM, www.example.com/a?b", "https://WWW.Example.COM https://www.example.com/a?b"),
        ("www.example.com:8080/", "https://www.example.com:8080/"),
        ("www.a www.1.2 foo.www.b.cd a@www.b.cd www.x.y", ""),
    ] {
        let html = shown(content);
        let found: Vec<_> = html.split("href=\"").skip(1).map(|it| it.split('"').next().unwrap()).collect();
        assert_eq!(found.join(" ").replace("&amp;", "&"), links, "{html}");
    }
}

#[test]
fn hostile_text_stays_text() {
    for content in [
        "</script><script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<b data-on:click=\"@post('/x')\">",
        "</div></li><li id=\"m-1\">",
        "<template><body></html>",
        "`<script>`".trim_matches('`'),
        "<a href=\"javascript:alert(1)\">x</a>",
        "<details open ontoggle=alert(1)>",
    ] {
        assert!(!shown(content).contains('<'), "{content}");
    }
    let html = shown("**<img src=x>** `<img src=x>`\n```\n<img src=x>\n```\n> <img src=x>\n\n- <img src=x>");
    assert!(!html.contains("<img"), "{html}");
    assert_eq!(html.matches("&lt;img src=x&gt;").count(), 5, "{html}");
    for info in ["```\"><img src=x>\nx\n```", "~~~ onload=x\ny\n~~~", "1234567890. x"] {
        assert!(!shown(info).contains("onload") && !shown(info).contains("<img"), "{info}");
    }
}

#[test]
fn only_web_links_can_be_followed() {
    let html = shown("see https://example.org/a?b=1&c=\"2\" and HTTP://EXAMPLE.org.");
    assert_eq!(html.matches("<a ").count(), 2, "{html}");
    assert!(html.contains("href=\"https://example.org/a?b=1&amp;c="), "{html}");
    assert_eq!(html.matches("rel=\"noopener noreferrer nofollow\"").count(), 2);
    for content in [
        "javascript://example.org/%0aalert(1)",
        "javascript:alert(1)",
        "[x](javascript://example.org/%0aalert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](java\tscript:alert(1))",
        "<javascript:alert(1)>",
        "[x](vbscript:x)",
        "[x](//evil.example/)",
        "data:text/html;base64,PHNjcmlwdD4=",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "file:///etc/passwd",
        "ada@example.org",
        "<ada@example.org>",
        "https://bank.example@evil.example/",
        "[x](https://bank.example:secret@evil.example/)",
        "https://",
    ] {
        assert!(!shown(content).contains("<a "), "{content}");
    }
}

#[test]
fn where_a_link_leads_is_said_unless_it_says_so_itself() {
    for (content, host) in [
        ("[https://bank.example](https://evil.example/login)", "evil.example"),
        ("[click](http://evil.example)", "evil.example"),
        ("[**b**](https://evil.example/)", "evil.example"),
        // A Cyrillic letter, and a dot of another script.
        ("https://\u{440}aypal.example/", "xn--aypal-uye.example"),
        ("www.\u{440}aypal.example", "www.xn--aypal-uye.example"),
        ("[x](https://bank.example\u{3002}evil.example/)", "bank.example.evil.example"),
        ("[bank.example\u{202e}](https://evil.example)", "evil.example"),
    ] {
        let html = shown(content);
        assert!(html.ends_with(&format!("</a> <span class=\"host\">({host})</span>")), "{html}");
    }
    for content in
        ["https://bank.example/x", "<https://bank.example/x>", "HTTPS://BANK.example", "www.bank.example"]
    {
        assert!(!shown(content).contains("class=\"host\""), "{content}");
    }
}

#[test]
fn there_is_no_markup_inside_of_a_bare_link() {
    let html = shown("https://example.org/_a_b_c_/*x*/`y`");
    assert!(html.contains(">https://example.org/_a_b_c_/*x*/") && !html.contains("<em>"), "{html}");
    assert!(shown("**https://example.org/x**").contains("<strong><a href=\"https://example.org/x\""));
}

#[test]
fn a_link_cannot_leave_its_attribute() {
    let html = shown("https://example.org/\"onmouseover=\"alert(1) https://x.org/'><img src=y>");
    assert!(!html.contains("\"onmouseover") && !html.contains("<img"), "{html}");
    let html = shown("[x](<https://example.org/\"onmouseover=\"alert(1)>) [y](https://x.org/'\"><img>)");
    assert!(!html.contains("\"onmouseover") && !html.contains("<img"), "{html}");
}

#[test]
fn of_many_links_the_first_can_be_followed_and_nothing_is_lost() {
    let content = format!("{}<end>", "http://a.io \n".repeat(LINKS_MAX + 7));
    let html = shown(&content);
    assert_eq!(html.matches("<a ").count(), LINKS_MAX);
    assert_eq!(html.matches(" \n").count(), LINKS_MAX + 7);
    assert_eq!(html.matches("http://a.io").count(), 2 * LINKS_MAX + 7);
    assert!(html.ends_with("http://a.io \n&lt;end&gt;"), "{html}");
}

#[test]
fn of_much_markup_the_first_is_shown_and_the_rest_is_text_in_bounds() {
    let html = shown(&"*a* ".repeat(ELEMENTS_MAX + 7));
    assert_eq!(html.matches("<em>").count(), ELEMENTS_MAX);
    assert_eq!(html.matches("*a*").count(), 7);
    for piece in [
        ">",
        "> > ",
        "- ",
        "- - a\n",
        "*a* ",
        "**",
        "`a` ",
        "[a](http://b.c) ",
        "<http://b.c>",
        "1. ",
        "_*",
        "[",
        "![",
        "\\*",
        "```\n",
        "***a*** ",
        "&",
        "\"",
        "<",
        "~~~\n\n",
        "*\n\n",
    ] {
        let html = shown(&piece.repeat(CONTENT_BYTES_MAX / piece.len()));
        let begun = html.matches('<').count() - html.matches("</").count();
        assert!(html.len() < 6 * CONTENT_BYTES_MAX + 100_000, "{piece:?}: {} bytes", html.len());
        assert!(begun <= ELEMENTS_MAX * 2 + LINKS_MAX * 2, "{piece:?}: {begun} elements");
    }
}

/// Elements are closed in the order in which they were opened, whatever the text is.
fn assert_whole(html: &str) {
    let mut open = Vec::new();
    for piece in html.split('<').skip(1) {
        let name = piece.split(['>', ' ']).next().unwrap();
        match name.strip_prefix('/') {
            None => open.push(name),
            Some(name) => assert_eq!(open.pop(), Some(name), "{html}"),
        }
    }
    assert!(open.is_empty(), "{html}");
}

/// Pieces that mean something, alone or beside each other.
const PIECES: [&str; 58] = [
    "a",
    "b ",
    "\n",
    "\n\n",
    "  ",
    "    ",
    "*",
    "**",
    "***",
    "_",
    "__",
    "`",
    "``",
    "```",
    "```\n",
    "> ",
    ">",
    "- ",
    "* ",
    "1. ",
    "2. ",
    "+ ",
    "[",
    "]",
    "](",
    "](http://x.io)",
    ")",
    "(",
    "<",
    "<b>",
    "</b>",
    "<!--",
    "http://y.io/",
    "www.z.io",
    "\\",
    "&amp;",
    "# ",
    "---",
    "!",
    "|",
    "\t",
    "\u{e9}",
    "[a]: /b\n",
    "~~~",
    "~~",
    "~",
    "\u{0}",
    "\n> ",
    "\n- ",
    "\n  - ",
    "\n1. ",
    "\n2. ",
    "太",
    "。",
    "🎉",
    "\n\\- ",
    "1\\. ",
    "\"",
];

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2_000))]

    /// [`shown`] reads the HTML back beside the text.
    #[test]
    fn whatever_is_typed_is_shown_but_for_the_marks_that_did_something(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES.to_vec()), 0..40),
    ) {
        assert_whole(&shown(&pieces.concat()));
    }

    #[test]
    fn any_characters_are_shown(content in "\\PC{0,60}") {
        assert_whole(&shown(&content));
    }
}

#[expect(clippy::too_many_lines, reason = "a list")]
/// Texts whose cost grows faster than their length in one parser or another, each of about this many bytes.
fn costly(bytes: usize) -> Vec<(&'static str, String)> {
    let fill = |unit: &str| unit.repeat(bytes / unit.len());
    let halves = |first: &str, second: &str| {
        format!("{}{}", first.repeat(bytes / 2 / first.len()), second.repeat(bytes / 2 / second.len()))
    };
    let stairs = |mark: &str, step: &str| {
        let mut text = String::new();
        for level in 0.. {
            let line = format!("{}{mark}a\n", step.repeat(level));
            if text.len() + line.len() > bytes {
                return text;
            }
            text.push_str(&line);
        }
        text
    };
    let runs = (1..).scan(0, |sum, n: usize| {
        *sum += n + 1;
        (*sum < bytes).then(|| format!("{}a", "`".repeat(n)))
    });
    let fences = (3..bytes.isqrt()).rev().map(|length| format!("{} a b\n", "`".repeat(length)));
    let fences = fences.collect::<Vec<_>>().concat();
    let languages = (3..(2 * bytes / 3).isqrt()).rev().map(|length| format!("\\{}a\n", "~".repeat(length)));
    let languages = languages.collect::<Vec<_>>().concat();
    let letters = |count| (0..count).filter_map(|n| char::from_u32(0x4e00 + n)).collect::<String>();
    vec![
        // The lines go on with the paragraph inside of all of them.
        ("quotes before lazy lines", halves(">", "a\n")),
        ("items before lazy lines", halves("- ", "a\n")),
        ("the most quotes before lazy lines", format!("{}a{}", "> ".repeat(DEPTH_MAX), fill("\na"))),
        ("the most items before lazy lines", format!("{}a{}", "- ".repeat(DEPTH_MAX), fill("\na"))),
        ("quotes, one item, lines that continue", fill(&format!("{}- a\n", "> ".repeat(15)))),
        ("stairs of items", stairs("- ", "  ")),
        ("stairs of quotes", stairs("> ", "> ")),
        ("quotes and a blank line", fill(&format!("{}a\n\n", ">".repeat(16)))),
        ("brackets that open", fill("[")),
        ("brackets that open and close", halves("[", "]")),
        ("images that open", fill("![")),
        ("links without an end", fill("[a](")),
        ("links with a title without an end", fill("[a](b \"")),
        ("links with a title in parentheses", fill("[a](b (")),
        ("links in angles without an end", fill("[a](<b")),
        ("links of nested parentheses", format!("[a]({}", fill("("))),
        ("links in links", halves("[a](", ")")),
        ("escaped links in links", halves("\\[a](http://a", ")")),
        ("links in links with an escaped end", halves("[a\\](http://a", ")")),
        ("references", fill("[a][b]")),
        ("definitions", fill("[a]: b\n")),
        ("definitions without an end", fill("[a]: b \"\n")),
        ("definitions of a long label", format!("[{}", fill("a\n"))),
        ("stars", fill("*")),
        ("stars that open", fill("*a ")),
        ("stars that open and close", fill("*a**b_")),
        ("stars and underscores", halves("*_", "a*")),
        ("delimiters that never match", fill("a**b_c* ")),
        ("ticks of all lengths", runs.collect()),
        ("ticks", fill("` ``")),
        ("angles", fill("<")),
        ("angles with a letter", fill("<a ")),
        ("attributes", format!("<a {}", fill("b=\"c\" "))),
        ("comments without an end", fill("<!-- ")),
        ("sections without an end", fill("<![CDATA[")),
        ("instructions without an end", fill("<?")),
        ("declarations without an end", fill("<!A ")),
        ("entities", fill("&amp;")),
        ("entities without an end", fill("&#")),
        ("backslashes", fill("\\")),
        ("escapes", fill("\\*")),
        ("fences", fill("```\n")),
        ("fences in items", fill("- ```\n")),
        (
            "fences, each shorter, before empty lines",
            format!("{languages}{}", "\n".repeat(bytes - languages.len())),
        ),
        ("tildes", fill("~~~ ")),
        ("headings", fill("# ")),
        ("underlines", fill("a\n=\n")),
        ("rules", fill("* * *\n")),
        ("tabs", fill("\t")),
        ("items and blank lines", fill("- a\n\n")),
        ("empty items", fill("-\n")),
        ("blank lines", fill("\n")),
        ("numbers", fill("1")),
        ("numbered items", fill("1. ")),
        ("schemes", fill("a:")),
        ("schemes with slashes", fill("a://")),
        ("addresses", fill("http://a")),
        ("addresses apart", fill("http://a.b ")),
        ("one long address", format!("http://{}", fill("a."))),
        ("one long name of a host", format!("http://xn--{}", fill("a"))),
        ("names of hosts in punycode", fill(&format!("http://xn--{} ", "a".repeat(1_000)))),
        ("names of hosts of many letters", fill(&format!("http://{} ", letters(300)))),
        ("long names of hosts of many letters", fill(&format!("http://{} ", letters(1_000)))),
        ("parentheses in an address", format!("http://a/{}", fill("("))),
        ("marks of quotes with spaces", fill("> ")),
        ("quotes in quotes, a line each", stairs("a", "> ")),
        ("escaped fences", fill("\\```\n")),
        ("escaped fences with words", fill("\\```a\n")),
        ("escaped items", fill("\\- a\n")),
        ("items of numbers", fill("- 1\n")),
        ("items in order and not", fill("1. a\n1. a\n2. a\n")),
        ("an item and its lines", format!("- a\n{}", fill("  b\n"))),
        ("items between empty lines", fill("- a\n\n  b\n\n")),
        ("fences with words", fill("```a b\n")),
        ("fences, each shorter", fences),
        ("code that ends behind text", fill("```a b\nc```\n")),
        ("links without a text", halves("[](http://a", ")")),
        ("links in links with a name", halves("[a](http://@b", ")")),
        ("marks that close nothing", fill("*a _b \\*")),
        ("marks of three", fill("***a ")),
        ("faces", fill("*_*")),
        ("names", fill("__a__ ")),
        ("addresses without a scheme", fill("www.a:")),
        ("addresses with paths that are none", fill("http://-/")),
        ("links in links to elsewhere", fill("[a](ftp:")),
        ("links in links to hosts that are none", fill("[a](http://-")),
        ("brackets that close further on", halves("[", "](http://a)")),
        ("letters of a language without spaces", fill("太")),
        ("quotation marks", fill("\"")),
        ("quotation marks and one word", format!("**x**{}", fill("\""))),
    ]
}

/// The shortest of some times that this thread has the processor, in seconds: others use the machine too.
fn seconds(content: &str) -> f64 {
    let now = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
    };
    let time = || {
        let begun = now();
        std::hint::black_box(render(std::hint::black_box(content)));
        now() - begun
    };
    (0..3).map(|_| time()).fold(f64::INFINITY, f64::min)
}

#[test]
fn no_text_costs_many_times_a_plain_one_of_its_length() {
    /// Against a plain text of the same length. One parse that is quadratic in this many bytes takes 700 times
    /// it and more.
    const RATIO_MAX: f64 = 100.0;
    let plain = seconds(&"plain words, and more of them. ".repeat(CONTENT_BYTES_MAX / 31));
    let mut found: Vec<_> = costly(CONTENT_BYTES_MAX)
        .iter()
        .map(|(name, text)| (seconds(&text[..text.floor_char_boundary(CONTENT_BYTES_MAX)]) / plain, *name))
        .collect();
    found.sort_by(|one, other| other.0.total_cmp(&one.0));
    for (ratio, name) in &found {
        println!("{ratio:8.1} {name}");
    }
    assert!(found[0].0 < RATIO_MAX, "{found:?}");
}
