//! API tokens: their rights, their secrets and their ends.

use super::*;

#[tokio::test]
async fn an_api_token_is_a_program_with_rights_until_it_is_removed() {
    let identity = identity();
    let (made, token) = identity.add_api_token(new_token(), operator()).await.unwrap();
    assert!(token.starts_with(&format!("mct_{}_", made.id)) && token.len() == 4 + 12 + 1 + 43, "{token}");
    let program = identity.verify(&token).unwrap();
    assert_eq!(program.author, made.author);
    assert!(made.author.id.starts_with("b_") && made.author.id.len() == 22);
    assert_eq!((program.author.kind, &*program.author.name), (AuthorKind::Bot, "deploys"));
    assert_eq!(program.via, Via::ApiToken(made.id.as_str().into()));
    assert_eq!(program.grants.as_deref(), Some(&[("deploy-*".into(), "writer".into())][..]));
    // A rotation of the keys and the end of sessions leave it alone.
    identity.rotate(Retire::Now, &operator()).await.unwrap();
    identity.end_sessions(&program.author.id, operator()).await.unwrap();
    assert!(identity.verify(&token).is_ok() && program.is_in_force(&identity, Timestamp::now()));
    // No cookie holds it.
    let mut headers = HeaderMap::new();
    headers.insert(header::COOKIE, format!("millchat={token}").parse().unwrap());
    assert_eq!(identity.visitor(&headers), None);
    assert!(identity.remove_api_token(&made.id, operator()).await.unwrap());
    assert!(!identity.remove_api_token(&made.id, operator()).await.unwrap());
    assert!(matches!(identity.verify(&token), Err(TokenError::Forged(_))));
    assert!(!program.is_in_force(&identity, Timestamp::now()));
}

#[tokio::test]
async fn an_unknown_id_is_answered_as_a_wrong_secret_is() {
    let identity = identity();
    let (made, token) = identity.add_api_token(new_token(), operator()).await.unwrap();
    let secret = &token[17..];
    let mut touched = secret.to_owned();
    let first = if secret.starts_with('A') { "B" } else { "A" };
    touched.replace_range(..1, first);
    let wrong = identity.verify(&format!("mct_{}_{touched}", made.id)).unwrap_err();
    let unknown = identity.verify(&format!("mct_aaaaaaaaaaaa_{secret}")).unwrap_err();
    assert_eq!(wrong, unknown);
    assert!(matches!(wrong, TokenError::Forged(_)));
    // The hash of nobody's secret is nobody's secret.
    let zeros = "0".repeat(43);
    assert_eq!(identity.verify(&format!("mct_aaaaaaaaaaaa_{zeros}")), Err(unknown));
    for malformed in
        ["mct_", "mct_x", "mct_aaaaaaaaaaaa", "mct_aaaaaaaaaaaa_", "mct_AAAAAAAAAAAA_", &token[..59]]
    {
        let text = format!("{malformed}{}", if malformed.ends_with("A_") { secret } else { "" });
        assert!(matches!(identity.verify(&text), Err(TokenError::Malformed(_))), "{text}");
    }
    for malformed in [format!("{token}A"), format!("{token}="), token.replace("mct_", "mct_mct_")] {
        assert!(matches!(identity.verify(&malformed), Err(TokenError::Malformed(_))), "{malformed}");
    }
}

#[tokio::test]
async fn the_old_secret_of_a_renewed_token_stays_good_for_the_overlap_and_no_other() {
    let identity = identity();
    let (made, first) = identity.add_api_token(new_token(), operator()).await.unwrap();
    let at_first = identity.verify(&first).unwrap();
    let day = Duration::from_hours(24);
    let renew = async |overlap| identity.renew_api_token(&made.id, overlap, &operator()).await.unwrap();
    let (again, second) = renew(day).await.unwrap();
    assert_eq!((again.author, again.rooms), (made.author.clone(), made.rooms));
    assert!(identity.verify(&first).is_ok() && identity.verify(&second).is_ok());
    assert!(matches!(identity.verify_at(&first, later(DAY + 1)), Err(TokenError::Expired(_))));
    assert!(identity.verify_at(&second, later(DAY + 1)).is_ok());
    assert!(at_first.is_in_force(&identity, Timestamp::now()));
    assert!(!at_first.is_in_force(&identity, later(DAY + 1)));
    let at_second = identity.verify(&second).unwrap();
    let (_, third) = renew(Duration::ZERO).await.unwrap();
    for gone in [&first, &second] {
        assert!(matches!(identity.verify(gone), Err(TokenError::Forged(_))));
    }
    assert!(!at_first.is_in_force(&identity, Timestamp::now()));
    assert!(!at_second.is_in_force(&identity, Timestamp::now()));
    assert_eq!(author(identity.verify(&third)), Ok(made.author));
    assert!(identity.renew_api_token("aaaaaaaaaaaa", day, &operator()).await.unwrap().is_none());
    assert!(identity.renew_api_token("x/../y", day, &operator()).await.unwrap().is_none());
}

#[tokio::test]
async fn an_api_token_expires_and_says_so() {
    let identity = identity();
    let new = NewApiToken { expires_in: Some(Duration::from_hours(24)), ..new_token() };
    let (made, token) = identity.add_api_token(new, operator()).await.unwrap();
    assert!(made.expires_at.unwrap().0.abs_diff(later(DAY).0) < 60_000);
    let program = identity.verify(&token).unwrap();
    assert_eq!(program.expires_at, made.expires_at);
    assert!(matches!(identity.verify_at(&token, made.expires_at.unwrap()), Err(TokenError::Expired(_))));
    assert!(!program.is_in_force(&identity, made.expires_at.unwrap()));
    // No renewal outlives it.
    let (_, renewed) =
        identity.renew_api_token(&made.id, Duration::from_hours(48), &operator()).await.unwrap().unwrap();
    for token in [&token, &renewed] {
        assert!(matches!(identity.verify_at(token, later(DAY + 1)), Err(TokenError::Expired(_))));
    }
}

#[tokio::test]
async fn the_log_has_the_hash_of_a_secret_alone() {
    let identity = identity();
    let (_, token) = identity.add_api_token(new_token(), operator()).await.unwrap();
    let stored = identity.kept_texts();
    let secret = &token[17..];
    assert!(stored.iter().any(|text| text.contains(blake3::hash(secret.as_bytes()).to_hex().as_str())));
    assert!(!stored.iter().any(|text| text.contains(secret)), "{stored:?}");
}
